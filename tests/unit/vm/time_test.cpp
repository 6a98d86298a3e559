#include "core/vm/model/time_text.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST_CASE("times come back from their text") {
  for (const std::int64_t time :
       {std::int64_t{0}, std::int64_t{1'763'665'200'123'456'789}, -kSecond - 1}) {
    CHECK(parse_rfc3339(rfc3339(time)) == time);
  }
  CHECK(rfc3339(1) == "1970-01-01T00:00:00.000000001+00:00");
  CHECK(parse_rfc3339("1970-01-01T01:00:00+01:00") == 0);
  CHECK(parse_rfc3339("1970-01-01T00:00:00.5Z") == kSecond / 2);
  CHECK(parse_rfc3339("1970-01-01T00:00:00.1234567899Z") == 123'456'789);
  for (const auto* bad : {"", "1970-01-01", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z",
                          "1970-01-01T24:00:00Z", "1970-01-01T00:00:00", "1970-01-01T00:00:00ZZ",
                          "9999-01-01T00:00:00Z", "1970-01-01T00:00:00.Z"}) {
    INFO(bad);
    CHECK_FALSE(parse_rfc3339(bad));
  }
}

TEST_CASE("moments are times, seconds, or how long ago") {
  const std::int64_t now = 1'000'000 * kSecond;
  CHECK(must(parse_moment("10m", now)) == now - 600 * kSecond);
  CHECK(must(parse_moment("1h30m ago", now)) == now - 5400 * kSecond);
  CHECK(must(parse_moment("1.5s", now)) == now - 3 * kSecond / 2);
  CHECK(must(parse_moment("12", now)) == 12 * kSecond);
  CHECK(must(parse_moment("12.000000001", now)) == 12 * kSecond + 1);
  CHECK(must(parse_moment("1970-01-02", now)) == 86'400 * kSecond);
  CHECK(must(parse_moment("1970-01-01T00:01:00", now)) == 60 * kSecond);
  for (const auto* bad : {"", "soon", "-5m", "10x"}) {
    INFO(bad);
    CHECK(parse_moment(bad, now).error().code() == EINVAL);
  }
}

TEST_CASE("durations for people") {
  CHECK(human_duration(3 * 60 * kSecond) == "3 minutes");
  CHECK(human_duration(kSecond / 2) == "Less than a second");
  CHECK(human_duration(61 * kSecond) == "About a minute");
  CHECK(human_duration(86'400 * 3 * kSecond) == "3 days");
}

}  // namespace
}  // namespace fcvm::vm
