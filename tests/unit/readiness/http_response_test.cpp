// HTTP responses, as a server in the guest may write them.
#include "plugins/readiness/http/response.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::readiness {
namespace {

/// "STATUS BODY" of a response that comes in pieces of `size`, or its error.
std::string read(const std::string& text, std::size_t size = 1) {
  std::string body;
  Response response([&](std::string_view bytes) { body += bytes; });
  for (std::size_t at = 0; at < text.size(); at += size) {
    if (const auto fed = response.feed(std::string_view(text).substr(at, size)); !fed) {
      return fed.error().message();
    }
  }
  if (const auto done = response.finish(); !done) return done.error().message();
  return std::to_string(*response.status()) + " " + body;
}

TEST_CASE("a body ends by its length, its chunks, or the connection's end") {
  const std::string sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhelloand more";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\n"
      "Trailer: x\r\n\r\n";
  for (const std::size_t size : {1, 3, 1000}) {
    CHECK(read(sized, size) == "200 hello");
    CHECK(read(chunked, size) == "200 hello!");
  }
  CHECK(read("HTTP/1.0 503 Busy\n\nto the end") == "503 to the end");
  CHECK(read("HTTP/1.1 204\r\n\r\n") == "204 ");
  CHECK(
      read(
          "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n") ==
      "301 ");
}

TEST_CASE("what is no response is told apart") {
  CHECK(read("") == "the connection was closed without an answer");
  CHECK(read("HTTP/1.1 200 OK\r\nA: b\r\n") ==
        "the connection was closed in the middle of the answer");
  CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello") ==
        "the connection was closed in the middle of the answer");
  CHECK(read("SSH-2.0-OpenSSH_9.2\r\n") == "the answer is no HTTP");
  CHECK(read("HTTP/1.1 2OO OK\r\n\r\n") == "the answer is no HTTP");
  CHECK(read("HTTP/1.1 200 OK\r\nno field\r\n\r\n") ==
        "the answer's head has a line that is no field");
  CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n") ==
        "the answer's Content-Length is no number");
  CHECK(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") ==
        "the size of a chunk of the answer is no number");
  CHECK(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n") ==
        "a chunk of the answer is longer than it says");
}

TEST_CASE("a server that never stops is cut off") {
  CHECK(read(std::string(40 << 10, 'a'), 4096) == "the answer's head is larger than 32 KiB");
  std::string lines = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) lines += "A: b\r\n";
  CHECK(read(lines, 4096) == "the answer's head is larger than 32 KiB");
  CHECK(read("HTTP/1.1 200 OK\r\n\r\n" + std::string(2 << 20, 'x'), 4096) ==
        "the answer's body is larger than 1 MiB");
}

}  // namespace
}  // namespace fcvm::readiness
