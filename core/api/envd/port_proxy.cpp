// See port_proxy.hpp.
#include "core/api/envd/port_proxy.hpp"

#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/vm/client/guest_port.hpp"

namespace fcvm::api {
namespace {

using namespace std::chrono_literals;

constexpr auto kDialLimit = 15s;
constexpr std::size_t kMostConnections = 1000;

bool is_for_server(std::string_view name) {
  constexpr std::string_view kOurs[] = {
      "X-API-Key", "X-Access-Token",           "E2b-Sandbox-Id", "E2b-Sandbox-Port",
      "Host",      "E2b-Traffic-Access-Token", "Connection",     "Keep-Alive"};
  for (const auto ours : kOurs) {
    if (http::same_name(name, ours)) return true;
  }
  return false;
}

}  // namespace

std::string head_for_guest(const http::Request& request, std::uint16_t port) {
  auto head =
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost:{}\r\n", request.method, request.target, port);
  for (const auto& [name, value] : request.headers.fields()) {
    if (!is_for_server(name)) head += fmt::format("{}: {}\r\n", name, value);
  }
  head += fmt::format("X-Forwarded-Host: {}\r\n", request.headers.get("Host"));
  head +=
      request.headers.has("Upgrade") ? "Connection: Upgrade\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

Result<void> PortProxy::carry(http::Exchange& exchange, const Sandbox& sandbox,
                              std::uint16_t port) {
  auto guest =
      FCVM_TRY(vm::dial_guest_port(store_, sandbox.vm, port, base::Deadline::in(kDialLimit)) |
               context(fmt::format("connecting to port {} of sandbox {}", port, sandbox.id)));
  FCVM_TRY(base::set_nonblocking(guest.fd.get()));
  if (carried_ >= kMostConnections) {
    return fail(EAGAIN, "too many connections to sandboxes are open");
  }
  const auto head = head_for_guest(exchange.request(), port);
  auto client = exchange.take_over();
  http::Connection to_guest(std::move(guest.fd));
  FCVM_TRY(to_guest.write(head + client.received, base::Deadline::in(kDialLimit)));
  // A std::function is copied: so what it owns is shared.
  const auto ends = std::make_shared<std::pair<Fd, Fd>>(std::move(client.socket),
                                                        std::move(to_guest).release().socket);
  loop_.post([this, ends, early = std::move(guest.received)]() mutable {
    begin(std::move(ends->first), std::move(ends->second), std::move(early));
  });
  return {};
}

void PortProxy::begin(Fd client, Fd guest, std::string early) {
  ++carried_;
  const auto pump = pumps_.emplace(pumps_.end());
  const auto on_end = [this, pump](bool) {
    --carried_;
    loop_.soon([this, pump] { pumps_.erase(pump); });
  };
  *pump = std::make_unique<vm::BytePump>(loop_, std::move(client), std::move(guest),
                                         std::move(early), on_end);
  (*pump)->start();
}

}  // namespace fcvm::api
