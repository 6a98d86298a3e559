// The parser of Firecracker's answers: what it takes, and everything that it must not take.
#include "plugins/vmm/firecracker/http_parser.hpp"

#include "tests/support/catch.hpp"

using fcvm::firecracker::Response;
using fcvm::firecracker::ResponseParser;

namespace {

const std::string kRefusal =
    "HTTP/1.1 400 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n"
    "Content-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"fault_message\":\"x\"}";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6;why=not\r\n world\r\n0\r\nTrailer: x\r\n\r\n";

/// The code of the failure, or 0; and whether it was complete.
int code_of(const std::string& bytes) {
  ResponseParser parser;
  auto fed = parser.feed(bytes);
  if (!fed) return fed.error().code();
  return parser.done() ? 0 : -1;
}

std::string head(const std::string& headers) { return "HTTP/1.1 200 OK\r\n" + headers + "\r\n"; }

}  // namespace

TEST_CASE("a response may be cut anywhere") {
  for (const std::string& bytes : {kRefusal, kChunked}) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      ResponseParser parser;
      REQUIRE(parser.feed(bytes.substr(0, cut)));
      CHECK(parser.done() == (cut == bytes.size()));
      CHECK(parser.untouched() == (cut == 0));
      REQUIRE(parser.feed(bytes.substr(cut)));
      REQUIRE(parser.done());
      const Response response = parser.take();
      CHECK(response.body ==
            (response.status == 400 ? "{\"fault_message\":\"x\"}" : "hello world"));
    }
  }
}

TEST_CASE("a response may come byte by byte") {
  ResponseParser parser;
  for (const char byte : kChunked) REQUIRE(parser.feed({&byte, 1}));
  CHECK(parser.done());
}

TEST_CASE("204 has no body, whatever it says") {
  CHECK(code_of("HTTP/1.1 204 \r\n\r\n") == 0);
  CHECK(code_of("HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n") == 0);
  CHECK(code_of("HTTP/1.1 204 \r\nContent-Length: 3\r\n\r\n") == EPROTO);
  CHECK(code_of("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n") == EPROTO);
}

TEST_CASE("a connection is kept unless it is closed") {
  ResponseParser kept;
  REQUIRE(kept.feed("HTTP/1.1 204 \r\nConnection: keep-alive\r\n\r\n"));
  CHECK(kept.take().keep_alive);
  ResponseParser closed;
  REQUIRE(closed.feed("HTTP/1.1 204 \r\nconnection:  Close \r\n\r\n"));
  CHECK_FALSE(closed.take().keep_alive);
  ResponseParser old;
  REQUIRE(old.feed("HTTP/1.0 204 \r\n\r\n"));
  CHECK_FALSE(old.take().keep_alive);
}

TEST_CASE("what is not a response is refused") {
  for (const char* line :
       {"", "HTTP/1.1", "HTTP/2.0 200 OK", "HTTP/1.1  200", "HTTP/1.1 20", "HTTP/1.1 2000",
        "HTTP/1.1 +20 OK", "HTTP/1.1 099 no", "HTTP/1.1 600 no", "HTTP/1.1 100 Continue",
        "http/1.1 200 OK", "HTTP/1.1 200 a\x01", "SSH-2.0-OpenSSH", "PUT / HTTP/1.1"}) {
    INFO(line);
    CHECK(code_of(std::string(line) + "\r\n\r\n") == EPROTO);
  }
  CHECK(code_of("HTTP/1.1 204 \n\n") == EPROTO);
  CHECK(code_of(std::string("HTTP/1.1 204 \0\r\n\r\n", 18)) == EPROTO);
}

TEST_CASE("headers that mislead are refused") {
  for (const char* line :
       {"Content-Length: 1\r\nContent-Length: 2\r\n", "Content-Length: -1\r\n",
        "Content-Length: +1\r\n", "Content-Length: 1 1\r\n", "Content-Length: 0x1\r\n",
        "Content-Length:\r\n", "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "no colon\r\n",
        ": no name\r\n", "sp ace: x\r\n", " folded\r\n", "Name : x\r\n", "A: \x7f\r\n", ""}) {
    INFO(line);
    CHECK(code_of(head(line)) == EPROTO);
  }
  CHECK(code_of(head("Content-Length: 1\r\nContent-Length: 1\r\n") + "x") == 0);
}

TEST_CASE("chunks that mislead are refused") {
  const std::string chunked = head("Transfer-Encoding: chunked\r\n");
  for (const char* body : {"\r\n", "g\r\n", "-1\r\n", "1\r\nxy\r\n", "5 5\r\n", "0x1\r\n",
                           "ffffffffffffffffff\r\n", "1\nx"}) {
    INFO(body);
    CHECK(code_of(chunked + body) == EPROTO);
  }
  CHECK(code_of(chunked + "0\r\n\r\n") == 0);
}

TEST_CASE("nothing grows without bound") {
  CHECK(code_of(head("Content-Length: 4194305\r\n")) == EMSGSIZE);
  CHECK(code_of(head("Transfer-Encoding: chunked\r\n") + "400001\r\n") == EMSGSIZE);
  CHECK(code_of(std::string(1 << 20, 'x')) == EMSGSIZE);
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "Name: value\r\n";
  CHECK(code_of("HTTP/1.1 200 OK\r\n" + many) == EMSGSIZE);
  ResponseParser parser;
  REQUIRE(parser.feed(head("Transfer-Encoding: chunked\r\n")));
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  int taken = 0;
  while (taken < 1000 && parser.feed(chunk)) ++taken;
  CHECK(taken == 64);
}

TEST_CASE("bytes that nobody asked for are refused") {
  CHECK(code_of(kRefusal + "x") == EPROTO);
  CHECK(code_of(kChunked + kChunked) == EPROTO);
}
