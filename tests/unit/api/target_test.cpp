// Which sandbox a request is for, as whom, and what of it a program in there sees.
#include "core/api/envd/port_proxy.hpp"
#include "core/api/service.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::api {
namespace {

http::Request with(http::Headers headers) {
  return {.method = "GET", .target = "/a?b=c", .path = "/a", .headers = std::move(headers)};
}

TEST_CASE("a sandbox is named by headers or by the host") {
  CHECK_FALSE(*target_of(with({{"Host", "127.0.0.1:8090"}})));
  CHECK_FALSE(*target_of(with({{"Host", "my-host.example.com"}})));
  CHECK_FALSE(*target_of(with({{"Host", "70000-abc.example.com"}})));
  const auto by_header = **target_of(with({{"E2b-Sandbox-Id", "abc"}}));
  CHECK(by_header.sandbox == "abc");
  CHECK(by_header.port == kEnvdPort);
  CHECK((**target_of(with({{"E2b-Sandbox-Id", "abc"}, {"E2b-Sandbox-Port", "80"}}))).port == 80);
  for (const char* port : {"0", "x", "70000", "-1"}) {
    CHECK_FALSE(target_of(with({{"E2b-Sandbox-Id", "abc"}, {"E2b-Sandbox-Port", port}})));
  }
  const auto by_host = **target_of(with({{"Host", "3000-abc.example.com:8090"}}));
  CHECK(by_host.sandbox == "abc");
  CHECK(by_host.port == 3000);
}

TEST_CASE("who one wants to be") {
  CHECK(user_of(with({{"Authorization", "Basic cm9vdDo="}})) == "root");
  CHECK(user_of(with({{"Authorization", "Bearer cm9vdDo="}})).empty());
  CHECK(user_of(with({})).empty());
}

TEST_CASE("a server without tokens answers no page of another site") {
  CHECK_FALSE(is_foreign(with({{"Host", "127.0.0.1:8090"}})));
  CHECK_FALSE(is_foreign(with({{"Host", "[::1]:8090"}})));
  CHECK_FALSE(is_foreign(with({{"Host", "localhost"}})));
  CHECK(is_foreign(with({{"Host", "127.0.0.1"}, {"Origin", "https://example.com"}})));
  CHECK(is_foreign(with({{"Host", "rebound.example.com"}})));
  CHECK(is_foreign(with({{"Host", "rebound.example.com"}, {"X-API-Key", "x"}})));
  CHECK(is_foreign(with({{"Host", "rebound.example.com"}, {"E2b-Sandbox-Id", "x"}})));
  CHECK(is_foreign(with({{"Host", "127.rebound.example.com"}})));
  CHECK_FALSE(
      is_foreign(with({{"Host", "3000-abc.sandboxes.example.com"}}), "sandboxes.example.com"));
}

TEST_CASE("a program gets no credential of the server's") {
  const auto head = head_for_guest(with({{"Host", "h:8090"},
                                         {"X-Api-Key", "secret1"},
                                         {"X-Access-Token", "secret2"},
                                         {"e2b-traffic-access-token", "secret3"},
                                         {"Accept", "*/*"},
                                         {"Connection", "keep-alive"}}),
                                   3000);
  CHECK(head ==
        "GET /a?b=c HTTP/1.1\r\nHost: localhost:3000\r\nAccept: */*\r\nX-Forwarded-Host: h:8090\r\n"
        "Connection: close\r\n\r\n");
  const auto own = with({{"Authorization", "Bearer secret4"}});
  CHECK(head_for_guest(own, 1).find("secret4") != std::string::npos);
  CHECK(head_for_guest(own, 1, true).find("secret4") == std::string::npos);
  const auto chunked = with({{"Transfer-Encoding", "gzip, chunked"}, {"Content-Length", "5"}});
  CHECK(head_for_guest(chunked, 1).find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(head_for_guest(chunked, 1).find("Content-Length") == std::string::npos);
  CHECK(head_for_guest(with({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}), 1)
            .ends_with("Connection: Upgrade\r\n\r\n"));
}

}  // namespace
}  // namespace fcvm::api
