#include "core/vm/client/port_forward.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstddef>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/unix_socket.hpp"
#include "core/base/net/address.hpp"
#include "core/base/process/process_id.hpp"
#include "core/log/log.hpp"
#include "core/vm/client/guest_port.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr auto kDialLimit = 15s;
constexpr std::size_t kMostConnections = 1000;
constexpr auto kRefusedPause = 50ms;

Result<std::uint16_t> parse_port(std::string_view text, std::uint32_t least) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number > UINT16_MAX || number < least) {
    return fail(EINVAL, fmt::format("\"{}\" is not a port from {} to 65535", text, least),
                "write [LOCAL:]REMOTE, such as 8080:80");
  }
  return static_cast<std::uint16_t>(number);
}

Result<Fd> bind_and_listen(const std::string& text, std::uint16_t port) {
  const auto address = base::IpAddress::parse(text);
  if (!address) return fail(EINVAL, fmt::format("\"{}\" is not an IP address", text));
  sockaddr_storage own{};
  const socklen_t size = address->to_sockaddr(port, own);
  Fd socket(::socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), size) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return fail_errno(fmt::format("listening on {} port {}", text, port));
  }
  return socket;
}

Result<std::uint16_t> port_of(int socket) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) != 0) {
    return fail_errno("reading a socket's port");
  }
  // It lies at the same place in both families.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  return ntohs(reinterpret_cast<const sockaddr_in&>(own).sin_port);
}

Result<FrameLink::Raw> dial_if_time(const Store& store, const std::string& id, std::uint16_t remote,
                                    base::Deadline deadline) {
  if (deadline.expired()) return fail(ETIMEDOUT, "others were being connected until now");
  return dial_guest_port(store, id, remote, deadline);
}

/// The client sees a reset, and not an orderly end: it must not take a part for the whole.
void reset(int client) {
  const linger at_once{1, 0};
  ::setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

Result<ForwardedPort> parse_forwarded_port(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    const auto port = FCVM_TRY(parse_port(text, 1));
    return ForwardedPort{port, port};
  }
  ForwardedPort port;
  if (colon != 0) port.local = FCVM_TRY(parse_port(text.substr(0, colon), 0));
  port.remote = FCVM_TRY(parse_port(text.substr(colon + 1), 1));
  return port;
}

Result<std::unique_ptr<PortForward>> PortForward::create(const Store& store, const Record& record) {
  Fd supervisor = FCVM_TRY(base::open_process(record.supervisor) | context("VM " + record.name));
  auto loop = FCVM_TRY(base::Loop::create());
  return std::unique_ptr<PortForward>(
      new PortForward(store, record, std::move(supervisor), std::move(loop)));
}

Result<std::uint16_t> PortForward::listen(const std::string& address, ForwardedPort port) {
  Fd socket = FCVM_TRY(bind_and_listen(address, port.local));
  const auto local = FCVM_TRY(port_of(socket.get()));
  Listener& listener = listeners_.emplace_back(Listener{std::move(socket), port.remote});
  listener.interest =
      std::make_unique<base::Interest>(*loop_, [this, &listener](auto) { accept_from(listener); });
  return local;
}

Result<void> PortForward::run(int stop_fd) {
  const auto stop = [this](auto) { loop_->stop(); };
  FCVM_TRY(loop_->watch(stop_fd, EPOLLIN, stop));
  FCVM_TRY(loop_->watch(supervisor_.get(), EPOLLIN, [this](auto) {
    failure_ = Error(ESRCH, fmt::format("VM {} has ended", name_));
    loop_->stop();
  }));
  FCVM_TRY(listen_if_room());
  FCVM_TRY(loop_->run());
  if (failure_) return unexpected(*failure_);
  return {};
}

/// Whoever comes when there is no room waits in the listener's backlog.
Result<void> PortForward::listen_if_room() {
  const bool accepts = !is_pausing_ && connections_.size() < kMostConnections;
  for (Listener& listener : listeners_) {
    FCVM_TRY(listener.interest->want(listener.socket.get(), base::Loop::events(accepts, false)));
  }
  return {};
}

void PortForward::accept_from(const Listener& listener) {
  auto accepted = base::accept_connection(listener.socket.get());
  if (accepted) {
    connections_.push_back({*std::move(accepted), listener.remote});
    dial(std::prev(connections_.end()));
  } else if (accepted.error().code() != EAGAIN) {
    log::warning("port-forward", "{}", accepted.error().message());
    is_pausing_ = true;
    loop_->after(kRefusedPause, [this] {
      is_pausing_ = false;
      see_to_listeners();
    });
  }
  see_to_listeners();
}

void PortForward::see_to_listeners() {
  if (auto done = listen_if_room(); !done) {
    failure_ = std::move(done).error();
    loop_->stop();
  }
}

/// A worker waits for the guest.
void PortForward::dial(Connections::iterator connection) {
  const int on = 1;
  ::setsockopt(connection->client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto deadline = base::Deadline::in(kDialLimit);
  diallers_.post([this, connection, deadline, remote = connection->remote] {
    const auto guest =
        std::make_shared<Result<FrameLink::Raw>>(dial_if_time(store_, id_, remote, deadline));
    loop_->post([this, connection, guest] { connect(connection, std::move(*guest)); });
  });
}

void PortForward::connect(Connections::iterator connection, Result<FrameLink::Raw> guest) {
  if (!guest) {
    log::warning("port-forward", "port {} of VM {}: {}", connection->remote, name_,
                 guest.error().message());
    reset(connection->client.get());
    return end(connection);
  }
  const auto on_end = [this, connection](bool whole) {
    if (!whole) reset(connection->pump->a());
    end(connection);
  };
  connection->pump =
      std::make_unique<BytePump>(*loop_, std::move(connection->client), std::move(guest->fd),
                                 std::move(guest->received), on_end);
  connection->pump->start();
}

void PortForward::end(Connections::iterator connection) {
  loop_->soon([this, connection] {
    connections_.erase(connection);
    see_to_listeners();
  });
}

}  // namespace fcvm::vm
