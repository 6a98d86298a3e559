// Sets of HTTP statuses.
#include "plugins/readiness/http/status_set.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::readiness {
namespace {

TEST_CASE("a set has single statuses, classes and ranges") {
  const auto set = must(StatusSet::parse("204,3xx,500-502"));
  for (const int status : {204, 300, 399, 500, 502}) CHECK(set.has(status));
  for (const int status : {200, 203, 400, 499, 503}) CHECK_FALSE(set.has(status));
  CHECK(must(StatusSet::parse("2xx-3xx")).has(399));
}

TEST_CASE("what is no status is refused") {
  for (const char* text : {"", ",", "20", "2000", "600", "2x", "xxx", "300-200", "200-", "ok"}) {
    INFO(text);
    CHECK_FALSE(StatusSet::parse(text));
  }
}

}  // namespace
}  // namespace fcvm::readiness
