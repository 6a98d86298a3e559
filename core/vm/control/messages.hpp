// What is asked of a supervisor, and what it answers: a type for each verb, and the lines that
// carry them. A request and its answer are a JSON object each, on a line:
//
//   {"verb":"stop","signal":15,"grace_ms":10000}   {"ok":true,"exit_code":0}
//   {"verb":"dial","port":5102,"within_ms":10000}  {"ok":true} and the stream as a descriptor
//   {"verb":"publish","ports":["80/tcp"]}          {"ok":true,"ports":["127.20.0.1:40000:80/tcp"]}
//   anything that fails {"ok":false,"code":111,"message":"...","remedy":""}
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/vm/model/port.hpp"

namespace fcvm::vm {

/// What a VM uses, as its supervisor sees it.
struct LiveStats {
  std::uint64_t cpu_ns = 0;  // of the VMM, since it started
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t received_bytes = 0;  // by the guest, from its network
  std::uint64_t sent_bytes = 0;
  std::uint32_t processes = 0;  // threads of the VMM
};

/// What a VM has given back of its memory, and what its guest says of the rest.
struct BalloonFigures {
  std::uint64_t memory_bytes = 0;  // of the VM
  std::uint64_t target_bytes = 0;  // what it was asked to give back
  std::uint64_t actual_bytes = 0;  // what it has
  bool guest_reports = false;      // else the guest has not said anything yet
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::uint64_t cache_bytes = 0;
};

}  // namespace fcvm::vm

namespace fcvm::vm::ask {

// --- answers ---

struct Done {};
struct Exit {
  int code = 0;
};
struct Stream {
  Fd fd;
};
struct Ports {
  std::vector<PublishedPort> ports;  // as they were taken, or are gone
};

/// A page server's: what a clone's VMM is to be given, as memory.h has it, and the snapshot that is
/// served.
struct MemoryOffer {
  std::uint32_t type = 0;
  std::string path;  // in the clone's directory
};
struct ServedSnapshot {
  std::string id;
};

/// What a snapshot's manifest says of the machine; its files are where the request wanted them.
struct Saved {
  std::string plan;  // JSON: see run_plan_json.hpp
  std::string vmm_version;
  std::string snapshot_format;
  std::string accelerator;
  std::string agent;
  std::int64_t paused_ns = 0;  // how long the VM stood still
};

// --- requests ---

struct Stats {
  static constexpr std::string_view kVerb = "stats";
  using Answer = LiveStats;
};
/// Answered when the VM has ended.
struct Wait {
  static constexpr std::string_view kVerb = "wait";
  using Answer = Exit;
};
/// Likewise. The container gets the signal, and is killed after the grace.
struct Stop {
  static constexpr std::string_view kVerb = "stop";
  using Answer = Exit;
  int signal = 0;  // 0: what the container is stopped with
  std::chrono::milliseconds grace{10'000};
};
/// At once, without the guest; answered when all is undone but the record.
struct End {
  static constexpr std::string_view kVerb = "end";
  using Answer = Exit;
};
struct Kill {
  static constexpr std::string_view kVerb = "kill";
  using Answer = Done;
  int signal = 0;
};
/// The container stops, as by Stop, and starts again in the VM that runs; answered when it does.
struct Restart {
  static constexpr std::string_view kVerb = "restart";
  using Answer = Done;
  int signal = 0;  // 0: what the container is stopped with
  std::chrono::milliseconds grace{10'000};
};
/// Sets what the VM is to give back, if that is wanted; answered with the figures.
struct Balloon {
  static constexpr std::string_view kVerb = "balloon";
  using Answer = BalloonFigures;
  std::optional<std::uint64_t> bytes{};
};
struct Rename {
  static constexpr std::string_view kVerb = "rename";
  using Answer = Done;
  std::string name;
};
struct Pause {
  static constexpr std::string_view kVerb = "pause";
  using Answer = Done;
};
struct Unpause {
  static constexpr std::string_view kVerb = "unpause";
  using Answer = Done;
};
/// A port on which the guest's agent listens. Nobody dials any more when the asker has given up.
struct Dial {
  static constexpr std::string_view kVerb = "dial";
  using Answer = Stream;
  std::uint32_t port = 0;
  std::chrono::milliseconds within{10'000};
};
/// A TCP port of the guest's address, through the VM's network.
struct DialTcp {
  static constexpr std::string_view kVerb = "dial-tcp";
  using Answer = Stream;
  std::uint16_t port = 0;
  std::chrono::milliseconds within{10'000};
};
struct Publish {
  static constexpr std::string_view kVerb = "publish";
  using Answer = Ports;
  std::vector<PublishedPort> ports;
};
struct Unpublish {
  static constexpr std::string_view kVerb = "unpublish";
  using Answer = Ports;
  std::vector<PublishedPort> ports;
};
/// A client of the container's output and input: see attachments.hpp.
struct Attach {
  static constexpr std::string_view kVerb = "attach";
  using Answer = Stream;
};

/// The machine as it is, into a directory that is there and empty, in the file system of the VM's.
struct Save {
  static constexpr std::string_view kVerb = "save";
  using Answer = Saved;
  std::string directory;  // absolute
  bool ends = false;      // the VM does not go on
};

using Request = std::variant<Stats, Wait, Stop, End, Kill, Restart, Balloon, Rename, Pause, Unpause,
                             Dial, DialTcp, Publish, Unpublish, Attach, Save>;

// Lines come with their newline, and are decoded with or without it. What is in no JSON object, or
// of the wrong type there, is EPROTO; a verb that is not known is ENOTSUP.
[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] Result<Request> decode_request(std::string_view line);

/// Of each of the answers above. A stream's descriptor is not part of the line: it comes beside it.
template <typename Answer>
[[nodiscard]] std::string encode_answer(const Result<Answer>& answer);
template <typename Answer>
[[nodiscard]] Result<Answer> decode_answer(std::string_view line, std::vector<Fd> fds);

}  // namespace fcvm::vm::ask
