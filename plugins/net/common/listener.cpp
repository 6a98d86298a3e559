// See listener.hpp.
#include "plugins/net/common/listener.hpp"

#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "plugins/net/common/port_holder.hpp"

namespace fcvm::net {

namespace {

constexpr std::uint32_t kHighestPort = 65535;
constexpr int kMostTries = 32;
constexpr int kBacklog = 4096;  // the kernel takes it down to net.core.somaxconn

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* generic() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// Numeric only: a name would be looked up, and could have several addresses.
Result<SocketAddress> numeric(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return fail(EINVAL, "publishing a port on \"" + address + "\": this is not an IP address",
                "give an address of this host as numbers, such as 127.0.0.1 or ::1");
  }
  SocketAddress result;
  std::memcpy(&result.storage, found->ai_addr, found->ai_addrlen);
  result.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return result;
}

/// One way of writing each address, so that it can be compared.
Result<std::string> canonical(const std::string& address) {
  const SocketAddress parsed = FCVM_TRY(numeric(address, 0));
  char text[NI_MAXHOST];
  if (::getnameinfo(parsed.generic(), parsed.length, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) != 0) {
    return fail(EINVAL, "publishing a port on \"" + address + "\": this is not an IP address");
  }
  return std::string(text);
}

Result<void> set_option(const Fd& socket, int level, int option) {
  const int on = 1;
  if (::setsockopt(socket.get(), level, option, &on, sizeof on) != 0) {
    return fail_errno("preparing a socket");
  }
  return {};
}

Unexpected taken(const PortKey& key) {
  const std::string holder = port_holder(key);
  const std::string by = holder.empty() ? "" : " by " + holder;
  return fail(EADDRINUSE, "publishing " + describe(key) + ": the port is already in use" + by,
              holder.empty() ? "publish another port; `ss -tulpn`, as root, shows who has this one"
                             : "publish another port, or end that process");
}

Unexpected forbidden(const PortKey& key) {
  return fail(
      EACCES,
      "publishing " + describe(key) + ": an ordinary user may not listen on a port that low",
      "publish a higher port, or run `sysctl net.ipv4.ip_unprivileged_port_start=" +
          std::to_string(key.port) + "` as root");
}

Unexpected not_ours(const PortKey& key) {
  return fail(
      EADDRNOTAVAIL,
      "publishing " + describe(key) + ": " + key.address + " is not an address of this host",
      "give one that `ip address` shows, or none, for the VM's own");
}

Unexpected cannot_bind(const PortKey& key) {
  switch (errno) {
    case EADDRINUSE:
      return taken(key);
    case EACCES:
      return forbidden(key);
    case EADDRNOTAVAIL:
      return not_ours(key);
    default:
      return fail_errno("publishing " + describe(key));
  }
}

Result<std::uint16_t> port_of(const Fd& socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    return fail_errno("asking which port the kernel gave");
  }
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

Result<Fd> make_socket(const PortKey& key, int family) {
  const bool tcp = key.protocol == FCVM_PROTO_TCP;
  Fd made(::socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made && errno == EMFILE) {
    return fail(EMFILE, "publishing " + describe(key) + ": too many ports for one process",
                "publish fewer ports, or raise the limit of open files (`ulimit -n`)");
  }
  if (!made) return fail_errno("publishing " + describe(key) + ": making a socket");
  const auto mark = kPublishedMark;
  // An ordinary user may not, and has no firewall to tell.
  (void)::setsockopt(made.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark);
  // Old connections in TIME_WAIT are in nobody's way. For UDP the option would let two bind.
  if (tcp) FCVM_TRY(set_option(made, SOL_SOCKET, SO_REUSEADDR));
  if (family == AF_INET6) FCVM_TRY(set_option(made, IPPROTO_IPV6, IPV6_V6ONLY));
  // Replies must come from the very address that was asked, also where the socket has them all.
  if (!tcp && family == AF_INET) FCVM_TRY(set_option(made, IPPROTO_IP, IP_PKTINFO));
  if (!tcp && family == AF_INET6) FCVM_TRY(set_option(made, IPPROTO_IPV6, IPV6_RECVPKTINFO));
  return made;
}

}  // namespace

std::string describe(const PortKey& key) {
  const bool v6 = key.address.find(':') != std::string::npos;
  return (v6 ? "[" + key.address + "]" : key.address) + ":" + std::to_string(key.port) +
         (key.protocol == FCVM_PROTO_TCP ? "/tcp" : "/udp");
}

Result<PortRange> parse_range(const fcvm_publish& wanted, const std::string& own_address) {
  if (wanted.protocol != FCVM_PROTO_TCP && wanted.protocol != FCVM_PROTO_UDP) {
    return fail(EINVAL,
                "publishing a port: protocol " + std::to_string(wanted.protocol) + " is unknown",
                "publish TCP or UDP");
  }
  const std::uint32_t count = wanted.count == 0 ? 1 : wanted.count;
  const auto fits = [count](std::uint32_t first) { return first + count - 1 <= kHighestPort; };
  if (wanted.guest_port == 0 || !fits(wanted.guest_port) || !fits(wanted.host_port)) {
    const auto first =
        wanted.guest_port == 0 || !fits(wanted.guest_port) ? wanted.guest_port : wanted.host_port;
    return fail(EINVAL,
                "publishing " + std::to_string(count) + " port(s) from " + std::to_string(first) +
                    ": ports are numbered from 1 to 65535",
                "choose ports in that range");
  }
  const std::string address = wanted.address == nullptr ? own_address : wanted.address;
  return PortRange{wanted.protocol,
                   FCVM_TRY(canonical(address)),
                   wanted.host_port,
                   wanted.guest_port,
                   static_cast<std::uint16_t>(count),
                   (wanted.flags & FCVM_PUBLISH_HOST_ONLY) != 0};
}

Result<Listener> Listener::bind(PortKey key, std::uint16_t guest_port) {
  const SocketAddress at = FCVM_TRY(numeric(key.address, key.port));
  Fd made = FCVM_TRY(make_socket(key, at.storage.ss_family));
  if (::bind(made.get(), at.generic(), at.length) != 0) return cannot_bind(key);
  // With SO_REUSEADDR two may bind, and only the second listen() fails.
  if (key.protocol == FCVM_PROTO_TCP && ::listen(made.get(), kBacklog) != 0) {
    return cannot_bind(key);
  }
  if (key.port == 0) key.port = FCVM_TRY(port_of(made));
  return Listener{std::move(key), guest_port, std::move(made)};
}

Result<std::vector<Listener>> bind_range(const PortRange& range) {
  for (int tries = 1;; ++tries) {
    std::vector<Listener> bound;
    Result<void> all;
    for (std::uint32_t i = 0; i < range.count && all; ++i) {
      PortKey key = range.key(static_cast<std::uint16_t>(i));
      if (range.host_port == 0) {
        const std::uint32_t next = bound.empty() ? 0 : bound.front().key.port + i;
        if (next > kHighestPort) break;
        key.port = static_cast<std::uint16_t>(next);
      }
      auto one = Listener::bind(std::move(key), static_cast<std::uint16_t>(range.guest_port + i));
      if (one) {
        bound.push_back(*std::move(one));
      } else {
        all = unexpected(std::move(one).error());
      }
    }
    if (all && bound.size() == range.count) return bound;
    // The kernel chose the first alone: those after it may be another's.
    const bool again = range.host_port == 0 && range.count > 1 && tries < kMostTries &&
                       (all || all.error().code() == EADDRINUSE);
    if (again) continue;
    if (!all) return unexpected(std::move(all).error());
    return fail(EADDRINUSE,
                "publishing: no " + std::to_string(range.count) +
                    " free ports in a row were found on " + range.address,
                "say which: HOSTPORT-HOSTPORT:GUESTPORT-GUESTPORT");
  }
}

}  // namespace fcvm::net
