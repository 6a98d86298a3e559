#include "core/base/io/socket_pair.hpp"

#include <cstring>

#include "core/base/io/poll.hpp"

namespace fcvm::base {

namespace {

std::string on_socket(const char* doing, int socket) {
  return std::string(doing) + " socket " + std::to_string(socket);
}

/// Room for one SCM_RIGHTS message, aligned as a cmsghdr must be.
class ControlBuffer {
 public:
  explicit ControlBuffer(std::size_t fds)
      : units_(CMSG_SPACE(fds * sizeof(int)) / sizeof(cmsghdr) + 1),
        // CMSG_LEN and not CMSG_SPACE: in the padding there would be room for one more descriptor.
        length_(fds == 0 ? 0 : CMSG_LEN(fds * sizeof(int))) {}

  void attach(msghdr& message) {
    message.msg_control = length_ == 0 ? nullptr : units_.data();
    message.msg_controllen = length_;
  }

 private:
  std::vector<cmsghdr> units_;
  std::size_t length_;
};

void put_fds(msghdr& message, std::span<const int> fds) {
  if (fds.empty()) return;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
}

std::vector<Fd> take_fds(msghdr& message) {
  std::vector<Fd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

Result<std::size_t> send_message(int socket, const msghdr& message, Deadline deadline) {
  for (;;) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN) {
      FCVM_TRY(wait_writable(socket, deadline) |
               context(on_socket("sending descriptors over", socket)));
    } else if (errno != EINTR) {
      return fail_errno(on_socket("sending descriptors over", socket));
    }
  }
}

Result<std::size_t> receive_message(int socket, msghdr& message) {
  for (;;) {
    const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      FCVM_TRY(wait_readable(socket, Deadline::never()));
    } else if (errno != EINTR) {
      return fail_errno(on_socket("receiving descriptors from", socket));
    }
  }
}

}  // namespace

Result<SocketPair> SocketPair::create(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno("making a pair of sockets");
  }
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Result<void> send_fds(int socket, std::string_view bytes, std::span<const int> fds,
                      Deadline deadline) {
  if (bytes.empty() || fds.size() > kMaxFdsPerMessage) {
    return fail(EINVAL, on_socket("sending descriptors over", socket) + ": " +
                            std::to_string(fds.size()) + " descriptors with " +
                            std::to_string(bytes.size()) + " bytes cannot be sent");
  }
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  ControlBuffer control(fds.size());
  control.attach(message);
  put_fds(message, fds);
  for (;;) {
    const std::size_t sent = FCVM_TRY(send_message(socket, message, deadline));
    bytes.remove_prefix(sent);
    if (bytes.empty()) return {};
    // The descriptors went with the first byte; a stream may take the others later.
    message.msg_control = nullptr;
    message.msg_controllen = 0;
    data = {const_cast<char*>(bytes.data()), bytes.size()};
  }
}

Result<ReceivedFds> receive_fds(int socket, std::size_t max_bytes, std::size_t max_fds) {
  ReceivedFds received;
  received.bytes.resize(max_bytes);
  iovec data{received.bytes.data(), received.bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  ControlBuffer control(max_fds);
  control.attach(message);
  const std::size_t got = FCVM_TRY(receive_message(socket, message));
  received.bytes.resize(got);
  // Taken before anything is refused: what the kernel installed has to be closed.
  received.fds = take_fds(message);
  if ((message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 || received.fds.size() > max_fds) {
    const bool too_many = (message.msg_flags & MSG_TRUNC) == 0;
    return fail(EMSGSIZE, on_socket("receiving descriptors from", socket) + ": more than " +
                              (too_many ? std::to_string(max_fds) + " descriptors"
                                        : std::to_string(max_bytes) + " bytes") +
                              " came");
  }
  return received;
}

}  // namespace fcvm::base
