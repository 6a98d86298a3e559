// Sockets for the tests of fcvm-forward: blocking, with a limit on every wait.
#pragma once

#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return *std::move(result);
}
inline void must(const Result<void>& result) {
  if (!result) FAIL(result.error().message());
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  Address(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    REQUIRE(::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) == 0);
    std::copy_n(reinterpret_cast<const char*>(found->ai_addr), found->ai_addrlen,
                reinterpret_cast<char*>(&storage));
    length = found->ai_addrlen;
    ::freeaddrinfo(found);
  }
  [[nodiscard]] const sockaddr* generic() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

inline base::Fd make_socket(int family, int type) {
  base::Fd made(::socket(family, type | SOCK_CLOEXEC, 0));
  REQUIRE(made.valid());
  const timeval limit{60, 0};
  ::setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return made;
}

/// Port 0 is any.
inline base::Fd listen_at(const std::string& host, std::uint16_t port = 0) {
  const Address address(host, port);
  base::Fd made = make_socket(address.storage.ss_family, SOCK_STREAM);
  const int on = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  REQUIRE(::bind(made.get(), address.generic(), address.length) == 0);
  REQUIRE(::listen(made.get(), 4096) == 0);
  return made;
}

inline base::Fd udp_at(const std::string& host, std::uint16_t port = 0) {
  const Address address(host, port);
  base::Fd made = make_socket(address.storage.ss_family, SOCK_DGRAM);
  const int on = 1;
  // As the publisher makes them.
  ::setsockopt(made.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (address.storage.ss_family == AF_INET6) {
    ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  }
  REQUIRE(::bind(made.get(), address.generic(), address.length) == 0);
  return made;
}

inline std::uint16_t port_of(const base::Fd& socket) {
  sockaddr_in6 address{};
  socklen_t length = sizeof address;
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return ntohs(address.sin6_port);  // sin_port is in the same place
}

/// A connection, or a connected UDP socket.
inline base::Fd connect_to(const std::string& host, std::uint16_t port, int type = SOCK_STREAM) {
  const Address address(host, port);
  base::Fd made = make_socket(address.storage.ss_family, type);
  INFO("connecting to " << host << " port " << port);
  REQUIRE(::connect(made.get(), address.generic(), address.length) == 0);
  return made;
}

/// 0, or the errno value with which it failed.
inline int try_connect(const std::string& host, std::uint16_t port) {
  const Address address(host, port);
  const base::Fd made = make_socket(address.storage.ss_family, SOCK_STREAM);
  return ::connect(made.get(), address.generic(), address.length) == 0 ? 0 : errno;
}

inline base::Fd accept_from(const base::Fd& listener) {
  base::Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(accepted.valid());
  const timeval limit{60, 0};
  ::setsockopt(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(accepted.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return accepted;
}

inline void send_text(const base::Fd& to, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t sent = ::send(to.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    done += static_cast<std::size_t>(sent);
  }
}

/// Exactly so much, unless the end comes first.
inline std::string receive_text(const base::Fd& from, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::recv(from.get(), text.data() + done, size - done, 0);
    if (got == 0) break;
    REQUIRE(got > 0);
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

inline bool at_end(const base::Fd& from) {
  char byte = 0;
  return ::recv(from.get(), &byte, 1, 0) == 0;
}

inline bool was_reset(const base::Fd& from) {
  char byte = 0;
  return ::recv(from.get(), &byte, 1, 0) < 0 && errno == ECONNRESET;
}

/// Closes with RST.
inline void close_hard(base::Fd& socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket.reset();
}

}  // namespace fcvm::test
