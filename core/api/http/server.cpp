// See server.hpp.
#include "core/api/http/server.hpp"

#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/unix_socket.hpp"
#include "core/log/log.hpp"

namespace fcvm::api::http {
namespace {

using namespace std::chrono_literals;

constexpr auto kIdleLimit = 75s;
/// From a request's first byte to the end of its headers.
constexpr auto kHeadLimit = 10s;
/// After accept() failed, as it does without descriptors.
constexpr auto kAcceptPause = 100ms;

constexpr std::string_view kEndOfHead = "\r\n\r\n";

void send_small_answer(Connection& connection, int status) {
  const auto text = fmt::format("HTTP/1.1 {} {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                                status, reason_of(status));
  // A client that does not even take this has no need of it.
  [[maybe_unused]] const auto sent = connection.write(text, base::Deadline::in(0s));
}

/// An answer that is cut off must not look like one that is complete.
void reset(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

Server::Server(base::Loop& loop, Fd listener, Handler handler, ServerLimits limits)
    : loop_(loop),
      listener_(std::move(listener)),
      accepts_(loop, [this](auto) { accept(); }),
      handler_(std::move(handler)),
      limits_(limits),
      pool_(limits.requests) {}

Server::~Server() { pool_.join(); }

Result<void> Server::start() {
  FCVM_TRY(base::set_nonblocking(listener_.get()));
  return accepts_.want(listener_.get(), EPOLLIN);
}

/// Whoever comes when there is no room waits in the listener's backlog.
void Server::see_to_listener() {
  if (ending_) return;
  const bool has_room = !is_pausing_ && idle_.size() + busy_ < limits_.connections;
  [[maybe_unused]] const auto wanted =
      accepts_.want(listener_.get(), base::Loop::events(has_room, false));
}

void Server::accept() {
  auto socket = base::accept_connection(listener_.get());
  if (!socket) {
    if (socket.error().code() == EAGAIN || socket.error().code() == ECONNABORTED) return;
    log::warning("serve", "{}", socket.error().message());
    is_pausing_ = true;
    see_to_listener();
    loop_.after(kAcceptPause, [this] {
      is_pausing_ = false;
      see_to_listener();
    });
    return;
  }
  const int yes = 1;  // small answers go at once; a Unix socket has no such option
  ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (!base::set_nonblocking(socket->get())) return;
  await_request(idle_.insert(idle_.end(), Client{Connection(std::move(*socket))}));
  see_to_listener();
}

void Server::await_request(Clients::iterator client) {
  client->interest =
      std::make_unique<base::Interest>(loop_, [this, client](auto) { take_bytes(client); });
  client->limit = loop_.after(kIdleLimit, [this, client] { close(client); });
  if (!client->interest->want(client->connection.fd(), EPOLLIN)) return close(client);
  if (!client->connection.received().empty()) look_for_request(client);
}

void Server::take_bytes(Clients::iterator client) {
  const bool is_first = client->connection.received().empty();
  const auto more = client->connection.read_now();
  if (!more && more.error().code() == EAGAIN) return;
  if (!more || !*more) return close(client);
  if (is_first) {
    loop_.cancel(client->limit);
    client->limit = loop_.after(kHeadLimit, [this, client] { refuse(client, 408); });
  }
  look_for_request(client);
}

void Server::look_for_request(Clients::iterator client) {
  const auto head = client->connection.received().substr(0, kMostHeaderBytes);
  if (head.find(kEndOfHead) != std::string_view::npos) return dispatch(client);
  if (head.size() == kMostHeaderBytes) refuse(client, 431);
}

void Server::dispatch(Clients::iterator client) {
  if (busy_ >= limits_.requests) return refuse(client, 503);
  loop_.cancel(client->limit);
  client->interest->drop();
  auto taken = std::make_shared<Client>(Client{std::move(client->connection)});
  // Its interest may be what called us, so that it goes later.
  auto left = std::make_shared<Clients>();
  left->splice(left->end(), idle_, client);
  loop_.soon([left] {});
  ++busy_;
  pool_.post([this, taken] { serve(taken); });
}

void Server::serve(const std::shared_ptr<Client>& client) {
  auto exchange = Exchange::begin(client->connection);
  if (!exchange) {
    log::debug("serve", "{}", exchange.error().message());
    send_small_answer(client->connection, 400);
    return come_back(client, false);
  }
  handler_(**exchange);
  if ((*exchange)->was_taken_over()) return come_back(client, false);
  Result<void> answered;
  if (!(*exchange)->answered()) answered = (*exchange)->answer({.status = 500});
  if ((*exchange)->is_broken() || !answered) reset(client->connection.fd());
  come_back(client, answered.has_value() && (*exchange)->can_go_on());
}

/// From the pool's thread.
void Server::come_back(const std::shared_ptr<Client>& client, bool goes_on) {
  loop_.post([this, client, goes_on] {
    --busy_;
    if (goes_on && !ending_) {
      await_request(idle_.insert(idle_.end(), Client{std::move(client->connection)}));
    }
    see_to_listener();
    end_if_done();
  });
}

void Server::refuse(Clients::iterator client, int status) {
  send_small_answer(client->connection, status);
  close(client);
}

void Server::close(Clients::iterator client) {
  loop_.cancel(client->limit);
  if (client->interest) client->interest->drop();
  // Whoever calls may be a function of the client's own.
  auto kept = std::make_shared<Clients>();
  kept->splice(kept->end(), idle_, client);
  loop_.soon([this, kept] { see_to_listener(); });
}

void Server::drain(std::function<void()> done) {
  ending_ = true;
  on_drained_ = std::move(done);
  accepts_.drop();
  listener_.reset();
  while (!idle_.empty()) close(idle_.begin());
  end_if_done();
}

void Server::end_if_done() {
  if (!ending_ || busy_ > 0 || !on_drained_) return;
  loop_.soon(std::exchange(on_drained_, {}));
}

}  // namespace fcvm::api::http
