// See guest.hpp.
#include "plugins/net/forward/guest.hpp"

#include <cstring>
#include <netinet/tcp.h>

#include "core/base/net/address.hpp"

namespace fcvm::forward {

namespace {

/// Attempts of a guest that does not answer at all end after about 31 s, not after the kernel's two
/// minutes: the client believes that it is connected already.
constexpr int kSynRetries = 4;

}  // namespace

Result<void> Guest::add_address(const std::string& text) {
  const auto read = FCVM_TRY(base::IpAddress::parse(text));
  sockaddr_storage storage{};
  read.to_sockaddr(0, storage);
  std::memcpy(&addresses_.emplace_back(), &storage, sizeof(sockaddr_in6));
  return {};
}

Result<Fd> Guest::dial(std::size_t index, std::uint16_t port, int type) const {
  sockaddr_in6 to = addresses_[index];
  to.sin6_port = htons(port);  // in the same place as sin_port
  Fd fd(::socket(to.sin6_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("making a socket");
  if (type == SOCK_STREAM) {
    send_at_once(fd.get());
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_SYNCNT, &kSynRetries, sizeof kSynRetries);
  }
  const socklen_t length = to.sin6_family == AF_INET ? sizeof(sockaddr_in) : sizeof to;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), length) != 0 &&
      errno != EINPROGRESS) {
    return fail_errno("dialling the guest");
  }
  return fd;
}

Result<Fd> Guest::dial_tcp(std::size_t index, std::uint16_t port) const {
  return dial(index, port, SOCK_STREAM);
}

Result<Fd> Guest::dial_udp(std::uint16_t port) const { return dial(0, port, SOCK_DGRAM); }

void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace fcvm::forward
