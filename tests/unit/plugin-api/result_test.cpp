#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <fcvm/result.hpp>

#include "tests/support/catch.hpp"

namespace fcvm {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(EINVAL, "halving " + std::to_string(n) + ": it is odd");
  return n / 2;
}

Result<int> quarter(int n) {
  const int once = FCVM_TRY(half(n));
  return FCVM_TRY(half(once) | context("quartering") | remedy("pass a multiple of 4"));
}

Result<void> nothing(bool works) {
  if (!works) return fail(EIO, "no");
  return {};
}

Result<void> twice(bool works) {
  FCVM_TRY(nothing(works));
  FCVM_TRY(nothing(true));
  return {};
}

TEST_CASE("a Result holds a value or an error") {
  CHECK(*quarter(8) == 2);
  CHECK(twice(true).has_value());
  CHECK(twice(false).error().code() == EIO);
}

TEST_CASE("an error keeps its code and gathers context and a remedy") {
  const auto failed = quarter(6);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == EINVAL);
  CHECK(failed.error().message() == "quartering: halving 3: it is odd");
  CHECK(failed.error().remedy() == "pass a multiple of 4");
}

TEST_CASE("the remedy closest to the cause wins") {
  Result<int> failed = fail(EIO, "broken", "mend it");
  CHECK((std::move(failed) | remedy("buy another")).error().remedy() == "mend it");
}

TEST_CASE("a Result moves what cannot be copied") {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  auto use = [&]() -> Result<int> {
    auto owned = FCVM_TRY(make());
    return *owned;
  };
  CHECK(*use() == 7);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
  STATIC_REQUIRE(std::is_copy_constructible_v<Result<std::string>>);
}

TEST_CASE("a Result becomes another by assignment, of either kind") {
  const Result<std::string> value = std::string("a value that is too long for a short string");
  const Result<std::string> failure = fail(EIO, "an error that is too long for a short string");
  Result<std::string> now = value;
  now = failure;
  CHECK(now.error().message() == failure.error().message());
  now = value;
  now = *&now;
  CHECK(*now == *value);
  Result<std::string> taken = std::move(now);
  CHECK(*taken == *value);
}

TEST_CASE("a Result refuses what it does not hold") {
  const Result<int> failure = fail(EIO, "no");
  const Result<int> value = 1;
  CHECK_THROWS_AS(*failure, std::logic_error);
  CHECK_THROWS_AS(value.error(), std::logic_error);
  CHECK_THROWS_AS(Result<void>().error(), std::logic_error);
}

}  // namespace
}  // namespace fcvm
