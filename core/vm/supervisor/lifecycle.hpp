// The life of a VM as a function: step() takes what a VM is and what has happened to it, and
// returns what it is now and what has to be done. It does nothing itself, and reads no clock. The
// supervisor carries the actions out and comes back with what became of them.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/phase.hpp"
#include "core/vm/model/restart_policy.hpp"

namespace fcvm::vm::lifecycle {

using Time = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

/// What was decided about the VM before it began.
struct Rules {
  Milliseconds stop_grace{};
  std::optional<Milliseconds> lifetime{};  // --timeout
  Milliseconds start_limit{};              // until the container runs, once the guest was told
  std::optional<Milliseconds>
      ready_limit{};       // from there until all gates have passed, if it has any
  bool keeps_disk = true;  // what the container wrote should reach it
  RestartPolicy restart{};
  bool tty = false;
};

enum class Timer {
  kStart,     // the container has to run
  kReady,     // and to be ready: a gate that keeps its own deadline is done by then
  kLifetime,  // --timeout
  kRestart,   // its container is started again
  kEnd,       // what was asked to end has to have ended
  kDeath,     // while all is undone: the VMM is killed outright
  kGiveUp,    // and then all is left to fcvm gc
};
inline constexpr std::size_t kTimers = static_cast<std::size_t>(Timer::kGiveUp) + 1;

struct Stop {
  int signal = 0;
  Milliseconds grace{};
};

struct State {
  Phase phase = Phase::kCreated;
  bool machine_runs = false;
  bool launched = false;  // or failed to: nobody waits for the guest any more
  bool output_ended = false;
  bool sink_closed = false;
  bool never_began = false;   // the container's command could not be started
  bool awaits_gates = false;  // the container runs, and they have not all passed yet
  bool is_ready = false;
  bool ended_early = false;  // somebody wanted it to end before its container ran
  bool ending = false;       // all is being undone, and nothing else happens
  int interrupts = 0;
  bool stop_wanted = false;      // whatever ends it now, it is not started again
  bool restart_asked = false;    // by a command, until the container runs again
  std::optional<int> between{};  // the code of a container that ended and is to be started again
  std::uint64_t restarts = 0;
  std::optional<Time> started_at{};
  Milliseconds restart_pause{};  // before the next restart
  std::optional<int> exit_code{};
  std::optional<Error> error{};  // why it failed, when fcvm, the VM or the guest did
  bool disk_is_full = false;
  bool awaits_room = false;  // it is paused for that, or about to be
  std::optional<Stop> stop_when_resumed{};
  std::optional<Milliseconds> quiesce{};  // by force: what the guest gets to write back
  std::optional<Phase> before_saving{};
  // What kEnd, kLifetime and kGiveUp are set to.
  std::optional<Time> ends_at{};
  std::optional<Time> dies_at{};
  std::optional<Time> gives_up_at{};

  /// Of this process, for whoever runs the container.
  [[nodiscard]] int outcome() const;
};

// ---- what happens

struct Begun {
  bool restores = false;  // from a snapshot
};
struct MachineStarted {};
struct Launched {};  // the guest was told what to run, or goes on where it was
struct LaunchFailed {
  Error error;
};
struct ContainerStarted {};
/// All that readiness asks for holds, or something never will.
struct GatesPassed {};
struct GateFailed {
  Error error;
};
struct ContainerExited {
  int code = 0;
};
struct GuestFailed {
  Error error;
};
struct MachineEnded {
  Error why;
};
struct OutputEnded {};
/// Nobody reads what the container writes, and nobody will.
struct SinkClosed {};
/// To this process, or from the one who runs the container as if it were.
struct Signalled {
  int number = 0;
};
/// The terminal of the one who runs the container is gone.
struct HungUp {};
struct StopAsked {
  Stop stop;
};
struct KillAsked {
  int signal = 0;
};
/// At once, and without the guest.
struct EndAsked {};
/// The guest did not take the request to stop.
struct StopRefused {};
/// The container stops and starts again, in the VM that runs.
struct RestartAsked {
  Stop stop;
};
/// The guest did not take the request to restart.
struct RestartRefused {
  Error why;
};
struct PauseAsked {};
struct Paused {
  bool done = true;
};
struct ResumeAsked {};
struct Resumed {
  bool done = true;
};
/// The host's disk has no room for what the guest may write.
struct DiskFull {
  Error why;
};
struct DiskHasRoom {};
struct SaveAsked {};
/// Or not: the VM is as it was before, unless it still stands still.
struct Saved {
  bool stands_still = false;
};
struct TimeUp {
  Timer timer{};
  std::optional<Error> why{};  // of kStart: what the console shows; of kReady: which gate is deaf
};

using Event = std::variant<Begun, MachineStarted, Launched, LaunchFailed, ContainerStarted,
                           GatesPassed, GateFailed, ContainerExited, GuestFailed, MachineEnded,
                           OutputEnded, SinkClosed, Signalled, HungUp, StopAsked, KillAsked,
                           EndAsked, StopRefused, RestartAsked, RestartRefused, PauseAsked, Paused,
                           ResumeAsked, Resumed, DiskFull, DiskHasRoom, SaveAsked, Saved, TimeUp>;

// ---- what is to be done

struct Launch {};
struct CancelLaunch {};
/// The container runs: whoever waits for that is told.
struct AnnounceStart {
  bool began = true;  // false: its command could not be started
};
/// The gates are asked from now on.
struct AwaitGates {};
struct CancelGates {};
/// It is ready: whoever waits for that is told.
struct AnnounceReady {};
struct AskToStop {
  Stop stop;
};
struct SignalContainer {
  int signal = 0;
};
/// In the guest that runs: what runs in it is stopped before.
struct RestartContainer {
  Stop stop;
};
/// The container was held for a restart, and there is none.
struct ReleaseContainer {};
/// It runs again.
struct AnnounceRestart {};
struct Pause {};
struct Resume {};
struct Save {};
/// A timer that runs already is set anew.
struct SetTimer {
  Timer timer{};
  Milliseconds after{};
};
struct ClearTimer {
  Timer timer{};
};
struct KillMachine {};
/// Undo everything. A guest that is given time writes back what its disk should have.
struct TearDown {
  Milliseconds quiesce{};
};
/// A plugin does not return: end this process all the same.
struct GiveUp {};
/// Into the record, which has no other error: why the host ended the VM.
struct Blame {
  enum class Why { kLifetime, kGuest, kEndedEarly } why{};
};
/// Into the log of events.
struct Report {
  std::string happening;
  std::map<std::string, std::string> attributes{};
};

using Action = std::variant<Launch, CancelLaunch, AnnounceStart, AwaitGates, CancelGates,
                            AnnounceReady, AskToStop, SignalContainer, RestartContainer,
                            ReleaseContainer, AnnounceRestart, Pause, Resume, Save, SetTimer,
                            ClearTimer, KillMachine, TearDown, GiveUp, Blame, Report>;

struct Step {
  State state;
  std::vector<Action> actions;
};

[[nodiscard]] Step step(State state, const Event& event, const Rules& rules, Time now);

}  // namespace fcvm::vm::lifecycle
