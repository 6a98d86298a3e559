// See http_client.hpp.
#include "plugins/vmm/firecracker/http_client.hpp"

#include <sys/socket.h>

#include "core/base/io/unix_socket.hpp"

namespace fcvm::firecracker {

namespace {

std::string written(const std::string& method, const std::string& path, const std::string& body) {
  std::string bytes = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n";
  bytes += "Accept: application/json\r\n";
  if (!body.empty()) {
    bytes +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return bytes + "\r\n" + body;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Unexpected closed(const ResponseParser& parser) {
  return fail(EPIPE, parser.untouched() ? "Firecracker closed the connection without an answer"
                                        : "Firecracker closed the connection amid its answer");
}

}  // namespace

Result<void> HttpClient::connect(const Call& call) {
  if (socket_ && !stale()) return {};
  socket_.reset();
  for (;;) {
    FCVM_TRY(call.check());
    auto socket = base::connect_unix_at(directory_, name_, SOCK_STREAM | SOCK_NONBLOCK);
    if (socket) {
      socket_ = *std::move(socket);
      return {};
    }
    // Its backlog is full: Firecracker is alive, and busy.
    if (socket.error().code() != EAGAIN) return unexpected(std::move(socket).error());
    FCVM_TRY(call.sleep(std::chrono::milliseconds(1)));
  }
}

bool HttpClient::stale() const {
  char byte = 0;
  const ssize_t count = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || !would_block();
}

Result<Response> HttpClient::request(const std::string& method, const std::string& path,
                                     const std::string& body, const Call& call) {
  FCVM_TRY(connect(call));
  auto response = exchange(written(method, path, body), call);
  if (!response || !response->keep_alive) socket_.reset();
  return response;
}

Result<Response> HttpClient::exchange(const std::string& bytes, const Call& call) {
  auto sent = send(bytes, call);
  if (!sent && sent.error().code() != EPIPE) return unexpected(std::move(sent).error());
  // It closes amid a request that is too long for it, and has said so before.
  auto response = receive(call);
  if (!sent && !response) return unexpected(std::move(sent).error());
  return response;
}

Result<void> HttpClient::send(std::string_view bytes, const Call& call) {
  while (!bytes.empty()) {
    FCVM_TRY(call.check());
    const ssize_t count =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      return fail(EPIPE, "Firecracker closed the connection amid a request");
    }
    if (count < 0 && !would_block()) return fail_errno("sending a request to Firecracker");
    if (count < 0 && errno != EINTR) FCVM_TRY(call.wait(socket_.get(), POLLOUT));
  }
  return {};
}

Result<Response> HttpClient::receive(const Call& call) {
  ResponseParser parser;
  char buffer[16 * 1024];
  while (!parser.done()) {
    // Each time, so that a peer that dribbles bytes keeps nobody beyond the deadline.
    FCVM_TRY(call.check());
    FCVM_TRY(call.wait(socket_.get(), POLLIN));
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return closed(parser);
    if (count < 0 && !would_block()) return fail_errno("reading Firecracker's answer");
    if (count > 0) FCVM_TRY(parser.feed({buffer, static_cast<std::size_t>(count)}));
  }
  return parser.take();
}

}  // namespace fcvm::firecracker
