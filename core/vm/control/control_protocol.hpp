// The control socket of a supervisor: how every other command reaches a VM.
//
// One request and one answer per connection, each a JSON object on a line; an answer may carry file
// descriptors. Only the user who runs the supervisor (and root) may connect.
//
//   {"verb":"stop","signal":15,"grace_ms":10000}   {"ok":true}
//   {"verb":"wait"}                                {"ok":true,"exit_code":3}      (once it has
//   ended)
//   {"verb":"dial","port":5102}                    {"ok":true} and the stream as a descriptor
//   {"verb":"publish","ports":["8080:80/tcp"]}     {"ok":true}
//   anything that fails {"ok":false,"code":111,"message":"...","remedy":"..."}
//
// Verbs: ping, inspect (the live record and VMM status), stop, end (at once, without the guest; the
// answer comes when all is undone but the record), kill {signal}, pause, unpause, wait,
// stats, dial {port}, dial-tcp {port} (through the network, to the guest's address), publish and
// unpublish {ports}, attach (see attachments.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/vm/model/paths.hpp"
#include "core/vm/model/record.hpp"

namespace fcvm::vm {

struct ControlRequest {
  std::string verb;
  int signal = 0;
  std::int64_t grace_ms = 10'000;
  std::uint32_t port = 0;
  std::vector<std::string> ports{};
};

/// What a VM uses, as its supervisor sees it.
struct LiveStats {
  std::uint64_t cpu_ns = 0;  // of the VMM, since it started
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  std::uint32_t processes = 0;  // threads of the VMM
};

struct ControlAnswer {
  int exit_code = 0;               // wait
  std::string record_json;         // inspect
  LiveStats stats;                 // stats
  std::vector<std::string> ports;  // publish, unpublish: as they were taken, or are gone
  std::vector<Fd> fds;             // dial, dial-tcp, attach
};

/// A longer line ends the connection.
inline constexpr std::size_t kControlLineLimit = 1 << 20;
/// More descriptors than an answer ever carries.
inline constexpr std::size_t kControlFdLimit = 8;

// Lines come with their newline, and are decoded with or without it. What is in no JSON object, or
// of the wrong type there, is EPROTO. An answer's descriptors are not part of its line.
[[nodiscard]] std::string encode_request(const ControlRequest& request);
[[nodiscard]] Result<ControlRequest> decode_request(std::string_view line);
[[nodiscard]] std::string encode_answer(const Result<ControlAnswer>& answer);
[[nodiscard]] Result<ControlAnswer> decode_answer(std::string_view line);

/// One line from a connection, without its newline, and the descriptors that came with it. Fails
/// with ETIMEDOUT, with EMSGSIZE at a line beyond the limit, with ECONNRESET when the peer ends
/// before its newline.
struct ControlLine {
  std::string text;
  std::vector<Fd> fds;
};
[[nodiscard]] Result<ControlLine> receive_control_line(int connection, base::Deadline deadline);

/// The supervisor's side: the answer with its descriptors.
[[nodiscard]] Result<void> send_answer(int connection, const Result<ControlAnswer>& answer);

/// Asks the supervisor of a VM. ESRCH when it has none any more; an error of the supervisor's own
/// comes back as it was.
[[nodiscard]] Result<ControlAnswer> ask_supervisor(
    const Paths& paths, const std::string& id, const ControlRequest& request,
    base::Deadline deadline = base::Deadline::never());

}  // namespace fcvm::vm
