// See control_protocol.hpp.
#include "core/vm/control/control_protocol.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <span>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/poll.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"

namespace fcvm::vm {
namespace {

constexpr std::chrono::seconds kSendPatience{10};

Unexpected no_supervisor(const std::string& id) {
  return fail(ESRCH, "VM " + id + " has no supervisor any more", "fcvm gc cleans up after it");
}

/// A full backlog is a supervisor that is busy: asked again until the deadline.
Result<Fd> connect(const Paths& paths, const std::string& id, base::Deadline deadline) {
  const auto directory = base::open_file(paths.sockets(id).string(), O_PATH | O_DIRECTORY);
  if (!directory && directory.error().code() == ENOENT) return no_supervisor(id);
  if (!directory) return unexpected(directory.error());
  for (;;) {
    auto socket =
        base::connect_unix_at(directory->get(), Paths::kControlSocket, SOCK_STREAM | SOCK_NONBLOCK);
    if (socket) return socket;
    const int code = socket.error().code();
    if (code == ENOENT || code == ECONNREFUSED) return no_supervisor(id);
    if (code != EAGAIN) return socket;
    if (deadline.expired()) return fail(ETIMEDOUT, "the supervisor takes no more requests");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

bool is_permitted_peer(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

Result<ControlLine> receive_control_line(int connection, base::Deadline deadline) {
  ControlLine line;
  for (;;) {
    if (deadline.expired()) return fail(ETIMEDOUT, "the peer did not end its line in time");
    FCVM_TRY(base::wait_readable(connection, deadline));
    const std::size_t room = kControlLineLimit - line.text.size();
    auto received = FCVM_TRY(
        base::receive_fds(connection, std::min<std::size_t>(room, 64 * 1024), kControlFdLimit));
    if (received.bytes.empty()) return fail(ECONNRESET, "the peer ended without a whole line");
    std::move(received.fds.begin(), received.fds.end(), std::back_inserter(line.fds));
    const std::size_t newline = received.bytes.find('\n');
    line.text.append(received.bytes, 0, newline);
    if (newline != std::string::npos) return line;
    if (line.text.size() >= kControlLineLimit || line.fds.size() > kControlFdLimit) {
      return fail(EMSGSIZE, "the peer sent more than a request or an answer has");
    }
  }
}

Result<void> send_control_line(int connection, const std::string& line, int fd) {
  const int fds[] = {fd};
  const auto passed = std::span<const int>(fds, fd < 0 ? 0 : 1);
  // A peer that does not read must not hold the supervisor.
  return base::send_fds(connection, line, passed, base::Deadline::in(kSendPatience));
}

Result<ControlLine> converse(const Paths& paths, const std::string& id, const std::string& line,
                             base::Deadline deadline) {
  const auto answered = [&]() -> Result<ControlLine> {
    const Fd socket = FCVM_TRY(connect(paths, id, deadline));
    FCVM_TRY(base::send_fds(socket.get(), line, {}));
    return receive_control_line(socket.get(), deadline);
  };
  auto answer = answered();
  if (answer) return answer;
  const int code = answer.error().code();
  // It died while we asked: the same to the caller as before.
  if (code == ECONNRESET || code == EPIPE) return no_supervisor(id);
  return answer;
}

}  // namespace fcvm::vm
