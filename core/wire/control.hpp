// The control protocol: the host boots the guest, commands it, and hears what becomes of it.
//
//   host  -> Hello, Attach, then any request
//   guest -> Hello, then the events after Attach::after_event, a Done per request
//
// Owns the messages. Events are numbered and kept by the guest, so a host that dials again misses
// none. Every request has an id of the host's choosing, which its Done repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/wire/boot_plan.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"

namespace fcvm::wire {

constexpr std::size_t kMaxControlRequest = 4 << 20;
constexpr std::size_t kMaxControlReply = 64 << 10;

/// Guest to host, in the order in which a life goes.
enum class EventKind : std::uint8_t {
  kNone = 0,
  kReady = 1,     // the agent listens and wants a boot plan
  kProgress = 2,  // stage begins
  kStarted = 3,   // the container runs; pid, text = its id
  kExited = 4,    // code as a shell has it; signal; oom
  kFailed = 5,    // stage, text, code = errno: the guest powers off next
  kPoweringOff = 6,
};

struct Event {
  static constexpr std::uint16_t kType = 32;

  std::uint64_t number = 0;  // from 1 on, without gaps
  EventKind kind = EventKind::kNone;
  std::string stage;
  std::string text;
  std::int32_t code = 0;
  std::int32_t signal = 0;
  std::uint32_t pid = 0;
  bool oom = false;
  std::uint64_t uptime_us = 0;  // CLOCK_BOOTTIME of the guest

  FCVM_FIELDS(visit(1, self.number); visit(2, self.kind); visit(3, self.stage); visit(4, self.text);
              visit(5, self.code); visit(6, self.signal); visit(7, self.pid); visit(8, self.oom);
              visit(9, self.uptime_us);)
};

enum class HealthStatus : std::uint8_t { kNone = 0, kStarting = 1, kHealthy = 2, kUnhealthy = 3 };

/// How the container is, guest to host: when that changes, and to whoever attaches. It is a state
/// and no event: what it was before is not kept.
struct Health {
  static constexpr std::uint16_t kType = 34;

  HealthStatus status = HealthStatus::kNone;
  std::uint32_t failing_streak = 0;
  std::int32_t exit_code = 0;  // of the last check
  std::string output;          // its end

  FCVM_FIELDS(visit(1, self.status); visit(2, self.failing_streak); visit(3, self.exit_code);
              visit(4, self.output);)
};

/// Subscribes to the events after the one named.
struct Attach {
  static constexpr std::uint16_t kType = 16;

  std::uint64_t after_event = 0;  // or kFrozenEvent

  FCVM_FIELDS(visit(1, self.after_event);)
};

/// The last event before the container was last told to stand still (Freeze): what a clone's host
/// need not hear of.
constexpr std::uint64_t kFrozenEvent = UINT64_MAX;

/// Boots. Done says that the plan was taken; events tell the rest. EALREADY after the first.
struct Boot {
  static constexpr std::uint16_t kType = 17;

  std::uint64_t id = 0;
  BootPlan plan;

  FCVM_FIELDS(visit(1, self.id); visit(2, self.plan);)
};

struct SignalContainer {
  static constexpr std::uint16_t kType = 18;

  std::uint64_t id = 0;
  std::int32_t signal = 0;

  FCVM_FIELDS(visit(1, self.id); visit(2, self.signal);)
};

/// `signal`, or the container's own, which an agent that does not know of it leaves out; then after
/// the grace SIGKILL. Done comes at once, kExited later.
struct StopContainer {
  static constexpr std::uint16_t kType = 19;

  std::uint64_t id = 0;
  std::int32_t signal = 15;
  std::uint32_t grace_ms = 10'000;
  bool own_signal = false;

  FCVM_FIELDS(visit(1, self.id); visit(2, self.signal); visit(3, self.grace_ms);
              visit(4, self.own_signal);)
};

/// Before a snapshot: Done comes when everything written is on the disks.
struct Quiesce {
  static constexpr std::uint16_t kType = 20;

  std::uint64_t id = 0;

  FCVM_FIELDS(visit(1, self.id);)
};

/// Before a snapshot: Done comes once the container's processes stand still, which they do until
/// Resumed: so no program of a clone runs before what has to be new in it is.
struct Freeze {
  static constexpr std::uint16_t kType = 25;

  std::uint64_t id = 0;

  FCVM_FIELDS(visit(1, self.id);)
};

/// After a restore (or a resume, with a clock alone): what has to be new in this clone. The
/// container goes on once it is, and not at all when it could not be made so.
struct Resumed {
  static constexpr std::uint16_t kType = 21;

  std::uint64_t id = 0;
  std::int64_t realtime_ns = 0;  // 0: leave the clock
  std::string entropy;
  std::string hostname;    // empty: keep
  std::string machine_id;  // empty: keep
  std::vector<Interface> interfaces;
  /// Another machine than the one that was saved: it takes the names and resolvers below, and
  /// leaves the connections that it has inherited to that one.
  bool is_clone = false;
  Network network;  // of a clone; without its interfaces

  FCVM_FIELDS(visit(1, self.id); visit(2, self.realtime_ns); visit(3, self.entropy);
              visit(4, self.hostname); visit(5, self.machine_id); visit(6, self.interfaces);
              visit(7, self.is_clone); visit(8, self.network);)
};

/// Starts the container again, in the guest that runs: one that runs is stopped before, as
/// StopContainer does. Done comes at once; kExited and kStarted tell the rest. ESRCH for one that
/// has ended and was not held.
struct RestartContainer {
  static constexpr std::uint16_t kType = 23;

  std::uint64_t id = 0;
  std::int32_t signal = 0;  // 0: the container's own
  std::uint32_t grace_ms = 10'000;

  FCVM_FIELDS(visit(1, self.id); visit(2, self.signal); visit(3, self.grace_ms);)
};

/// A held container that has ended is not started again: its output ends.
struct ReleaseContainer {
  static constexpr std::uint16_t kType = 24;

  std::uint64_t id = 0;

  FCVM_FIELDS(visit(1, self.id);)
};

/// Stops the container as StopContainer does, syncs, unmounts, and ends the VM.
struct PowerOff {
  static constexpr std::uint16_t kType = 22;

  std::uint64_t id = 0;
  std::uint32_t grace_ms = 10'000;

  FCVM_FIELDS(visit(1, self.id); visit(2, self.grace_ms);)
};

/// The answer to every request; code 0 is success, else errno.
struct Done {
  static constexpr std::uint16_t kType = 33;

  std::uint64_t id = 0;
  std::int32_t code = 0;
  std::string message;

  FCVM_FIELDS(visit(1, self.id); visit(2, self.code); visit(3, self.message);)
};

}  // namespace fcvm::wire
