// See server.hpp.
#include "tests/contract/net/server.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include "core/base/net/address.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {

namespace {

Result<base::Fd> bound_socket(const base::IpAddress& address, int type, std::uint16_t port) {
  base::Fd socket(::socket(address.family, type | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("making a socket");
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return fail_errno("setting up a socket");
  }
  sockaddr_storage raw;
  const socklen_t length = address.to_sockaddr(port, raw);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&raw), length) != 0) {
    return fail_errno("binding " + address.to_string() + " port " + std::to_string(port));
  }
  return socket;
}

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return *std::move(result);
}

}  // namespace

Result<ServerSockets> ServerSockets::bind(const std::string& address, std::uint16_t port) {
  const auto parsed = FCVM_TRY(base::IpAddress::parse(address));
  ServerSockets bound;
  bound.stream = FCVM_TRY(bound_socket(parsed, SOCK_STREAM, port));
  bound.datagrams = FCVM_TRY(bound_socket(parsed, SOCK_DGRAM, port));
  if (::listen(bound.stream.get(), 64) != 0) return fail_errno("listening on " + address);
  return bound;
}

Server::Server(const std::string& address, std::uint16_t port, std::string line)
    : Server(must(ServerSockets::bind(address, port)), std::move(line)) {}

Server::Server(const ServerSockets& sockets, std::string line)
    : line_(std::move(line) + "\n"),
      sockets_{must(sockets.stream.duplicate()), must(sockets.datagrams.duplicate())},
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { serve(); }) {}

Server::~Server() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void Server::serve() {
  for (;;) {
    pollfd polled[] = {{stop_.get(), POLLIN, 0},
                       {sockets_.stream.get(), POLLIN, 0},
                       {sockets_.datagrams.get(), POLLIN, 0}};
    ::poll(polled, 3, -1);
    if (polled[0].revents != 0) return;
    if (polled[1].revents != 0) {
      const base::Fd client(::accept4(sockets_.stream.get(), nullptr, nullptr, SOCK_CLOEXEC));
      (void)base::write_all(client.get(), line_);
    }
    if (polled[2].revents == 0) continue;
    char buffer[65536];
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    auto* peer = reinterpret_cast<sockaddr*>(&from);
    (void)::recvfrom(sockets_.datagrams.get(), buffer, sizeof buffer, 0, peer, &length);
    (void)::sendto(sockets_.datagrams.get(), line_.data(), line_.size(), 0, peer, length);
  }
}

}  // namespace fcvm::test
