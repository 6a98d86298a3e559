// SocketPair owns two Unix sockets that are connected, and descriptors travel over such sockets.
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
#include "core/base/io/fd.hpp"

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

}  // namespace fcvm::base
