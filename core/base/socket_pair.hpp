// Unix sockets: SocketPair owns two connected ones; descriptors travel over them; and they are
// bound and connected by (directory, name), so that the 108 bytes of sun_path never limit a path.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/fd.hpp"

namespace fcvm::base {

struct SocketPair {
  Fd first;
  Fd second;

  /// `type` is SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM, perhaps with SOCK_NONBLOCK.
  static Result<SocketPair> create(int type = SOCK_STREAM);
};

/// What the kernel takes in one message (SCM_MAX_FD).
constexpr std::size_t kMaxFdsPerMessage = 253;

/// Sends the bytes (at least one: a stream carries descriptors only with data) and the descriptors.
/// The sender keeps its own copies. No SIGPIPE: a peer that has gone is EPIPE. ETIMEDOUT when the
/// peer has not made room for all of it by the deadline.
Result<void> send_fds(int socket, std::string_view bytes, std::span<const int> fds,
                      Deadline deadline = Deadline::never());

struct ReceivedFds {
  std::string bytes;  // empty: the peer closed
  std::vector<Fd> fds;
};

/// One recvmsg(2). A message with more descriptors than `max_fds`, or a packet longer than
/// `max_bytes`, fails with EMSGSIZE, and whatever came with it is closed.
Result<ReceivedFds> receive_fds(int socket, std::size_t max_bytes, std::size_t max_fds);

/// `name` is one entry of `directory`. The socket's mode is `mode` less the umask from its first
/// moment on. Fails with EADDRINUSE when the name exists, also when no one listens there any more:
/// the caller knows whether it may unlink. Needs /proc, as does connect_unix_at.
Result<Fd> listen_unix_at(int directory, const std::string& name, mode_t mode = 0600,
                          int type = SOCK_STREAM, int backlog = SOMAXCONN);
/// No link is followed at `name`: ENOTSOCK for whatever is no socket.
Result<Fd> connect_unix_at(int directory, const std::string& name, int type = SOCK_STREAM);
/// The same for a path of any length.
Result<Fd> listen_unix(const std::string& path, mode_t mode = 0600, int type = SOCK_STREAM,
                       int backlog = SOMAXCONN);
Result<Fd> connect_unix(const std::string& path, int type = SOCK_STREAM);

/// accept4(2), close-on-exec; EAGAIN comes back when the listener is non-blocking.
Result<Fd> accept_connection(int listener);

}  // namespace fcvm::base
