// See listener.hpp.
#include "core/api/http/listener.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstddef>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/unix_socket.hpp"
#include "core/base/net/address.hpp"

namespace fcvm::api::http {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr const char* kForms = "write ADDRESS:PORT, such as 127.0.0.1:8090, or unix:PATH";

Result<Listener> listen_on_path(const std::string& path) {
  auto socket = base::listen_unix(path, 0600);
  if (!socket && socket.error().code() == EADDRINUSE) {
    const auto answered = base::connect_unix(path);
    if (answered || answered.error().code() != ECONNREFUSED) return unexpected(socket.error());
    // The name of a server that was killed.
    if (::unlink(path.c_str()) != 0) return fail_errno("removing the old socket " + path);
    socket = base::listen_unix(path, 0600);
  }
  if (!socket) return unexpected(socket.error());
  return Listener{
      .socket = *std::move(socket), .where = "unix:" + path, .is_local = true, .path = path};
}

}  // namespace

Result<Listener> listen_on(const std::string& text) {
  if (text.starts_with(kUnixPrefix)) return listen_on_path(text.substr(kUnixPrefix.size()));
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = colon == std::string::npos
                          ? std::from_chars_result{end, std::errc::invalid_argument}
                          : std::from_chars(text.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(EINVAL, fmt::format("--listen {}: there is no port", text), kForms);
  }
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto address = base::IpAddress::parse(host);
  if (!address) {
    return fail(EINVAL, fmt::format("--listen {}: \"{}\" is no IP address", text, host), kForms);
  }
  sockaddr_storage own{};
  socklen_t size = address->to_sockaddr(port, own);
  Fd socket(::socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), size) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) {
    return fail_errno("listening on " + text, "--listen takes another address or port");
  }
  // It lies at the same place in both families.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  port = ntohs(reinterpret_cast<const sockaddr_in&>(own).sin_port);
  const auto shown = address->is_v4() ? host : '[' + host + ']';
  return Listener{.socket = std::move(socket),
                  .where = fmt::format("http://{}:{}", shown, port),
                  .is_local = address->is_loopback()};
}

}  // namespace fcvm::api::http
