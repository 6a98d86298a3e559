// The URLs that readiness.http takes.
#include "plugins/readiness/http/url.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::readiness {
namespace {

std::string shown(const Url& url) {
  return url.authority + " " + std::to_string(url.port) + " " + url.target;
}

TEST_CASE("a URL is a host to name, a port and a target") {
  CHECK(shown(must(parse_url("http://localhost"))) == "localhost 80 /");
  CHECK(shown(must(parse_url("http://localhost:8080/health?full=1#part"))) ==
        "localhost:8080 8080 /health?full=1");
  CHECK(shown(must(parse_url("http://web?q"))) == "web 80 /?q");
  CHECK(shown(must(parse_url("http://[::1]:81/"))) == "[::1]:81 81 /");
  CHECK(shown(must(parse_url("http://[::1]/x"))) == "[::1] 80 /x");
}

TEST_CASE("what is no such URL is refused") {
  for (const char* url : {"", "localhost", "https://localhost/", "ftp://x/", "http://", "http:///x",
                          "http://:80/", "http://x:0/", "http://x:65536/", "http://x:80x/",
                          "http://x:/", "http://x/a b", "http://x/\r\nHost: y", "http://u:p@x/"}) {
    INFO(url);
    const auto parsed = parse_url(url);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == EINVAL);
  }
}

}  // namespace
}  // namespace fcvm::readiness
