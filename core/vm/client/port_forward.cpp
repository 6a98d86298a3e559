#include "core/vm/client/port_forward.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstddef>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>

#include <fmt/core.h>

#include "core/base/io/unix_socket.hpp"
#include "core/base/net/address.hpp"
#include "core/base/process/process_id.hpp"
#include "core/log/log.hpp"
#include "core/vm/client/byte_pump.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/vm/store/gc.hpp"
#include "core/wire/forward.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr auto kDialLimit = 15s;
constexpr std::size_t kMostConnections = 1000;
constexpr int kFullPauseMs = 50;

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

/// A stream to the port on the guest's loopback, past the protocol's words.
Result<FrameLink::Raw> dial(const Store& store, const std::string& id, std::uint16_t remote) {
  const auto deadline = base::Deadline::in(kDialLimit);
  auto dialled =
      FCVM_TRY(ask_supervisor(store.paths(), id, ask::Dial{wire::kForwardPort}, deadline));
  GuestStream stream =
      FCVM_TRY(GuestStream::open(std::move(dialled.fd), wire::kMaxForwardHeader, deadline));
  FCVM_TRY(stream.send(wire::ForwardRequest{remote}));
  const wire::Frame frame = FCVM_TRY(stream.receive(deadline));
  const auto reply = FCVM_TRY(wire::decode<wire::ForwardReply>(frame));
  if (reply.code != 0) return fail(reply.code > 0 ? reply.code : EIO, reply.message);
  return std::move(stream).release_raw();
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
  Fd stopping(::eventfd(0, EFD_CLOEXEC));
  if (!stopping) return fail_errno("making an eventfd");
  return std::unique_ptr<PortForward>(
      new PortForward(store, record, std::move(supervisor), std::move(stopping)));
}

PortForward::~PortForward() {
  ::eventfd_write(stopping_.get(), 1);
  std::unique_lock lock(mutex_);
  fewer_.wait(lock, [this] { return connections_ == 0; });
}

Result<std::uint16_t> PortForward::listen(const std::string& address, ForwardedPort port) {
  Fd socket = FCVM_TRY(bind_and_listen(address, port.local));
  const auto local = FCVM_TRY(port_of(socket.get()));
  listeners_.push_back({std::move(socket), port.remote});
  return local;
}

bool PortForward::has_room() {
  const std::lock_guard lock(mutex_);
  return connections_ < kMostConnections;
}

Result<void> PortForward::run(int stop_fd) {
  for (;;) {
    const bool accepts = has_room();
    std::vector<pollfd> polled = {{stop_fd, POLLIN, 0}, {supervisor_.get(), POLLIN, 0}};
    for (const Listener& listener : listeners_) {
      polled.push_back({accepts ? listener.socket.get() : -1, POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), accepts ? -1 : kFullPauseMs) < 0 && errno != EINTR) {
      return fail_errno("waiting for connections");
    }
    if (polled[0].revents != 0) return {};
    if (polled[1].revents != 0) return fail(ESRCH, fmt::format("VM {} has ended", name_));
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      if (polled[i + 2].revents != 0) accept_from(listeners_[i]);
    }
  }
}

void PortForward::accept_from(const Listener& listener) {
  auto accepted = base::accept_connection(listener.socket.get());
  if (!accepted) {
    if (accepted.error().code() == EAGAIN) return;
    log::warning("port-forward", "{}", accepted.error().message());
    std::this_thread::sleep_for(std::chrono::milliseconds(kFullPauseMs));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ++connections_;
  }
  const auto leave = [this] {
    const std::lock_guard lock(mutex_);
    --connections_;
    fewer_.notify_all();
  };
  try {
    std::thread([this, leave, remote = listener.remote,
                 client = std::make_shared<Fd>(*std::move(accepted))]() mutable {
      serve(*client, remote);
      client.reset();
      leave();
    }).detach();
  } catch (const std::system_error& thrown) {
    log::warning("port-forward", "a connection is refused: {}", thrown.what());
    leave();
  }
}

void PortForward::serve(const Fd& client, std::uint16_t remote) {
  const int on = 1;
  ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto guest = dial(store_, id_, remote);
  if (!guest) {
    log::warning("port-forward", "port {} of VM {}: {}", remote, name_, guest.error().message());
    return reset(client.get());
  }
  if (!pump_bytes(client.get(), guest->fd.get(), std::move(guest->received), stopping_.get())) {
    reset(client.get());
  }
}

}  // namespace fcvm::vm
