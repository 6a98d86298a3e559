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
/// For a program that takes none of a request, or says nothing of a change of protocol.
constexpr auto kGuestPatience = 30s;
constexpr std::size_t kMostConnections = 1000;

bool is_for_server(std::string_view name) {
  constexpr std::string_view kOurs[] = {
      "X-API-Key", "X-Access-Token",           "E2b-Sandbox-Id", "E2b-Sandbox-Port",
      "Host",      "E2b-Traffic-Access-Token", "Connection",     "Keep-Alive",
      "Expect",    "Transfer-Encoding"};
  for (const auto ours : kOurs) {
    if (http::same_name(name, ours)) return true;
  }
  return false;
}

}  // namespace

std::string head_for_guest(const http::Request& request, std::uint16_t port,
                           bool hides_authorization) {
  auto head =
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost:{}\r\n", request.method, request.target, port);
  const bool is_chunked = request.headers.has("Transfer-Encoding");
  for (const auto& [name, value] : request.headers.fields()) {
    const bool is_hidden = hides_authorization && http::same_name(name, "Authorization");
    const bool is_void = is_chunked && http::same_name(name, "Content-Length");
    if (!is_for_server(name) && !is_hidden && !is_void) {
      head += fmt::format("{}: {}\r\n", name, value);
    }
  }
  if (is_chunked) head += "Transfer-Encoding: chunked\r\n";
  head += fmt::format("X-Forwarded-Host: {}\r\n", request.headers.get("Host"));
  head +=
      request.headers.has("Upgrade") ? "Connection: Upgrade\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

namespace {

/// This request's, and no byte of what a client may send after it.
Result<void> send_body(http::Exchange& exchange, http::Connection& guest) {
  const bool is_chunked = exchange.request().headers.has("Transfer-Encoding");
  std::string piece(64 << 10, '\0');
  for (;;) {
    const auto got = FCVM_TRY(exchange.read_body(piece));
    const auto bytes = std::string_view(piece).substr(0, got);
    const auto framed = is_chunked ? fmt::format("{:x}\r\n{}\r\n", got, bytes) : std::string(bytes);
    FCVM_TRY(guest.write(framed, base::Deadline::in(kGuestPatience)));
    if (got == 0) return {};
  }
}

/// Whether the guest's program goes over to another protocol, by the head of its answer, which is
/// left in the connection.
Result<bool> is_switching(http::Connection& guest) {
  const auto deadline = base::Deadline::in(kGuestPatience);
  while (guest.received().find("\r\n\r\n") == std::string_view::npos) {
    if (guest.received().size() > http::kMostHeaderBytes) return false;
    if (!FCVM_TRY(guest.read(deadline))) return false;
  }
  return guest.received().starts_with("HTTP/1.1 101 ");
}

}  // namespace

Result<void> PortProxy::carry(http::Exchange& exchange, const Sandbox& sandbox, std::uint16_t port,
                              bool hides_authorization) {
  auto dialled =
      FCVM_TRY(vm::dial_guest_port(store_, sandbox.vm, port, base::Deadline::in(kDialLimit)) |
               context(fmt::format("connecting to port {} of sandbox {}", port, sandbox.id)));
  FCVM_TRY(base::set_nonblocking(dialled.fd.get()));
  if (carried_ >= kMostConnections) {
    return fail(EAGAIN, "too many connections to sandboxes are open");
  }
  const auto& request = exchange.request();
  http::Connection guest(std::move(dialled.fd), std::move(dialled.received));
  FCVM_TRY(guest.write(head_for_guest(request, port, hides_authorization),
                       base::Deadline::in(kGuestPatience)));
  FCVM_TRY(send_body(exchange, guest));
  const bool both_ways = request.headers.has("Upgrade") && FCVM_TRY(is_switching(guest));
  auto client = exchange.take_over();
  if (both_ways) FCVM_TRY(guest.write(client.received, base::Deadline::in(kGuestPatience)));
  auto from_guest = std::move(guest).release();
  // A std::function is copied: so what it owns is shared.
  const auto ends =
      std::make_shared<std::pair<Fd, Fd>>(std::move(client.socket), std::move(from_guest.socket));
  ++carried_;
  loop_.post([this, ends, both_ways, early = std::move(from_guest.received)]() mutable {
    begin(std::move(ends->first), std::move(ends->second), std::move(early), both_ways);
  });
  return {};
}

void PortProxy::begin(Fd client, Fd guest, std::string early, bool both_ways) {
  const auto pump = pumps_.emplace(pumps_.end());
  const auto on_end = [this, pump](bool) {
    --carried_;
    loop_.soon([this, pump] { pumps_.erase(pump); });
  };
  *pump = std::make_unique<vm::BytePump>(loop_, std::move(client), std::move(guest),
                                         std::move(early), on_end);
  if (!both_ways) (*pump)->only_to_a();
  (*pump)->start();
}

}  // namespace fcvm::api
