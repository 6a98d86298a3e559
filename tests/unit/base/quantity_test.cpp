#include "core/base/quantity.hpp"

#include "tests/support/must.hpp"

namespace fcvm::base {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a duration is numbers with units, or seconds") {
  CHECK(must(parse_duration("10")) == 10s);
  CHECK(must(parse_duration("0")) == 0s);
  CHECK(must(parse_duration("1.5")) == 1500ms);
  CHECK(must(parse_duration("7ns")) == 7ns);
  CHECK(must(parse_duration("7us")) == 7us);
  CHECK(must(parse_duration("7ms")) == 7ms);
  CHECK(must(parse_duration("1h30m")) == 90min);
  CHECK(must(parse_duration("1.5d")) == 36h);
  CHECK(must(parse_duration("1w")) == 168h);
  CHECK(must(parse_duration("5200w")) == 873'600h);
  for (const char* bad : {"", "s", "-1s", "1x", "1m30", "1 s", "1m-3s", ".5s", "5.s", "1.2.3s",
                          "1e3s", "0x10s", "123456789012345678901s"}) {
    INFO(bad);
    CHECK(parse_duration(bad).error().code() == EINVAL);
  }
  for (const char* long_one : {"40000d", "36000d36000d", "99999999999999999999s"}) {
    INFO(long_one);
    CHECK(parse_duration(long_one).error().code() == ERANGE);
  }
}

TEST_CASE("a duration comes back as it was shown") {
  CHECK(duration_text(0s) == "0s");
  CHECK(duration_text(90min) == "90m");
  CHECK(duration_text(48h) == "48h");
  CHECK(duration_text(1500ms) == "1500ms");
  for (const auto length : {1ns, std::chrono::nanoseconds(1us), std::chrono::nanoseconds(61s)}) {
    CHECK(must(parse_duration(duration_text(length))) == length);
  }
}

TEST_CASE("whole numbers are multiplied exactly, fractions rounded down") {
  CHECK(must(multiply("9007199254740993", 1)) == 9'007'199'254'740'993);
  CHECK(must(multiply("0.5", 3)) == 1);
  CHECK(multiply("9223372036854775808", 1).error().code() == ERANGE);
  CHECK(multiply("4", 1ULL << 62).error().code() == ERANGE);
}

}  // namespace
}  // namespace fcvm::base
