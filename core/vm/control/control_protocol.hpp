// The control socket of a supervisor: how every other command reaches a VM. One request and one
// answer per connection; messages.hpp has both. Only the user who runs the supervisor (and root)
// may connect.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/vm/control/messages.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::vm {

/// A longer line ends the connection.
inline constexpr std::size_t kControlLineLimit = 1 << 20;
/// More descriptors than an answer ever carries.
inline constexpr std::size_t kControlFdLimit = 8;

/// One line from a connection, without its newline, and the descriptors that came with it. Fails
/// with ETIMEDOUT, with EMSGSIZE at a line beyond the limit, with ECONNRESET when the peer ends
/// before its newline.
struct ControlLine {
  std::string text;
  std::vector<Fd> fds;
};
[[nodiscard]] Result<ControlLine> receive_control_line(int connection, base::Deadline deadline);

/// The supervisor's side: a line, and the descriptor that goes with it, or -1. A peer that does not
/// read is given up after a while.
[[nodiscard]] Result<void> send_control_line(int connection, const std::string& line, int fd);

/// Whether the peer is of our user, or root. The directory keeps strangers out already; this does
/// where it was given a laxer mode.
[[nodiscard]] bool is_permitted_peer(int connection);

/// A line to the supervisor of a VM, and the one that it answers with. ESRCH when it has none any
/// more.
[[nodiscard]] Result<ControlLine> converse(const Paths& paths, const std::string& id,
                                           const std::string& line, base::Deadline deadline);

/// Asks the supervisor of a VM; an error of its own comes back as it was. A request that says how
/// long its asker waits says no more than the deadline.
template <typename Request>
[[nodiscard]] Result<typename Request::Answer> ask_supervisor(
    const Paths& paths, const std::string& id, Request request,
    base::Deadline deadline = base::Deadline::never()) {
  if constexpr (requires { request.within; }) {
    const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline.remaining());
    request.within = std::min(request.within, left);
  }
  auto line = FCVM_TRY(converse(paths, id, ask::encode(request), deadline));
  return ask::decode_answer<typename Request::Answer>(line.text, std::move(line.fds));
}

}  // namespace fcvm::vm
