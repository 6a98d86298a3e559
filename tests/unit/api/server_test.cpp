// The server of HTTP, by what a client sees.
#include "core/api/http/server.hpp"

#include <atomic>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/unit/api/served.hpp"

namespace fcvm::api {
namespace {

/// Says what was asked.
void echo(http::Exchange& exchange) {
  auto body = exchange.whole_body(64 << 10);
  const auto& request = exchange.request();
  static_cast<void>(exchange.answer(
      body
          ? http::Response{.status = 200, .body = request.method + ' ' + request.path + ' ' + *body}
          : http::Response{.status = 413}));
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kClose = "Host: h\r\nConnection: close\r\n\r\n";

TEST_CASE("a request is answered, and the connection goes on") {
  const Served served(echo);
  const auto both = served.ask(std::string("GET /a HTTP/1.1\r\nHost: h\r\n\r\n") +
                               "GET /b?x=1 HTTP/1.1\r\n" + kClose);
  CHECK(has(both, "GET /a "));
  CHECK(has(both, "GET /b "));
  CHECK(has(both, "Connection: close"));
}

TEST_CASE("bodies: by length, in chunks, and asked for") {
  const Served served(echo);
  CHECK(has(served.ask(std::string("POST / HTTP/1.1\r\nContent-Length: 3\r\n") + kClose + "abc"),
            "POST / abc"));
  CHECK(has(served.ask(std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n") + kClose +
                       "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
            "POST / abc"));
  const auto asked =
      served.ask(std::string("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n") +
                 kClose + "x");
  CHECK(asked.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
}

TEST_CASE("what is too large or no HTTP is refused") {
  const Served served(echo);
  CHECK(
      served.ask("GET / HTTP/1.1\r\nX: " + std::string(20 << 10, 'x')).starts_with("HTTP/1.1 431"));
  CHECK(served.ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(served.ask("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(served.ask("GET http://x/ HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400"));
  CHECK(served
            .ask(std::string("POST / HTTP/1.1\r\nContent-Length: 70000\r\n") + kClose +
                 std::string(70000, 'x'))
            .starts_with("HTTP/1.1 413"));
}

TEST_CASE("a chunk's head has an end, or the request has") {
  const Served served(echo);
  const auto socket = served.connect();
  must(base::write_all(socket.get(),
                       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;x="));
  // The server hangs up long before all of it was sent.
  std::size_t sent = 0;
  const std::string piece(64 << 10, 'x');
  while (sent < (64 << 20) && base::write_all(socket.get(), piece)) sent += piece.size();
  CHECK(sent < (8 << 20));
}

TEST_CASE("a client that is not known is not waited for") {
  const Served served([](http::Exchange& exchange) {
    exchange.hang_up();
    static_cast<void>(exchange.answer({.status = 401}));
  });
  // Its body never comes.
  const auto answer = served.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 401"));
  CHECK(has(answer, "Connection: close"));
}

TEST_CASE("what answers HEAD has no body") {
  const Served served([](http::Exchange& exchange) {
    static_cast<void>(exchange.begin_stream({}));
    static_cast<void>(exchange.write("hello"));
    static_cast<void>(exchange.end_stream());
  });
  CHECK(served.ask(std::string("HEAD / HTTP/1.1\r\n") + kClose).ends_with("\r\n\r\n"));
}

TEST_CASE("a handler that answers nothing has failed") {
  const Served served([](http::Exchange&) {});
  CHECK(served.ask(std::string("GET / HTTP/1.1\r\n") + kClose).starts_with("HTTP/1.1 500"));
}

TEST_CASE("a stream comes in chunks, and one that breaks is reset") {
  const Served served([](http::Exchange& exchange) {
    static_cast<void>(exchange.begin_stream({.headers = {{"Content-Type", "text/plain"}}}));
    static_cast<void>(exchange.write("hello"));
    if (exchange.request().path == "/whole") static_cast<void>(exchange.end_stream());
  });
  const auto whole = served.ask(std::string("GET /whole HTTP/1.1\r\n") + kClose);
  CHECK(whole.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  const auto socket = served.connect();
  must(base::write_all(socket.get(), "GET /broken HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto broken = base::read_all(socket.get(), 1 << 20);
  CHECK((!broken || !broken->ends_with("0\r\n\r\n")));
}

TEST_CASE("a handler learns that its client has gone") {
  std::atomic<bool> seen{false};
  const Served served([&](http::Exchange& exchange) {
    static_cast<void>(exchange.begin_stream({}));
    while (!exchange.client_has_gone()) std::this_thread::yield();
    seen = true;
  });
  {
    const auto socket = served.connect();
    // The last byte is of another request, which nobody reads meanwhile.
    must(base::write_all(socket.get(), "GET / HTTP/1.1\r\nHost: h\r\n\r\nG"));
  }
  while (!seen) std::this_thread::yield();
  CHECK(seen);
}

TEST_CASE("one request more than there are threads is told so") {
  std::atomic<bool> go{false};
  const Served served(
      [&](http::Exchange& exchange) {
        while (!go) std::this_thread::yield();
        static_cast<void>(exchange.answer({.status = 204}));
      },
      {.connections = 8, .requests = 1});
  const auto first = served.connect();
  must(base::write_all(first.get(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  // Which of the two comes first is the kernel's to say, but one of them has no thread.
  std::string refused;
  while (!refused.starts_with("HTTP/1.1 503")) {
    const auto second = served.connect();
    must(base::write_all(second.get(), std::string("GET / HTTP/1.1\r\n") + kClose));
    std::string line(12, '\0');
    must(base::read_exact(second.get(), line));
    refused = line;
  }
  go = true;
  std::string line(12, '\0');
  must(base::read_exact(first.get(), line));
  CHECK(line == "HTTP/1.1 204");
}

TEST_CASE("headers of an answer never become two") {
  const Served served([](http::Exchange& exchange) {
    static_cast<void>(exchange.answer({.headers = {{"X-A", "a\r\nX-B: b"}, {"X-C", "c"}}}));
  });
  const auto answer = served.ask(std::string("GET / HTTP/1.1\r\n") + kClose);
  CHECK_FALSE(has(answer, "X-B"));
  CHECK(has(answer, "X-C: c\r\n"));
}

}  // namespace
}  // namespace fcvm::api
