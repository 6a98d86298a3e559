// Requests as values: headers, percent-encoding, queries.
#include "core/api/http/message.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::api::http {
namespace {

TEST_CASE("headers are found whatever their case") {
  Headers headers{{"X-Api-Key", "a"}, {"x-api-key", "b"}};
  CHECK(headers.get("X-API-KEY") == "a");
  headers.set("x-API-key", "c");
  CHECK(headers.fields().size() == 1);
  CHECK(headers.get("X-Api-Key") == "c");
  CHECK_FALSE(headers.has("X-Api"));
}

TEST_CASE("percent-encoding") {
  CHECK(percent_decode("%2Ftmp%2fa%20b") == "/tmp/a b");
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("a+b", true) == "a b");
  CHECK_FALSE(percent_decode("%"));
  CHECK_FALSE(percent_decode("%4"));
  CHECK_FALSE(percent_decode("%zz"));
  CHECK_FALSE(percent_decode("%00"));
  CHECK(percent_decode(percent_encode("a b/\xff&=+")) == "a b/\xff&=+");
}

TEST_CASE("queries") {
  const auto query = parse_query("path=%2Ftmp&&x=1&x=2&flag");
  REQUIRE(query);
  CHECK(query->find("path")->second == "/tmp");
  CHECK(query->count("x") == 2);
  CHECK(query->find("flag")->second.empty());
  CHECK(parse_query("a=%1").error().code() == EINVAL);
  CHECK(parse_query("")->empty());
}

}  // namespace
}  // namespace fcvm::api::http
