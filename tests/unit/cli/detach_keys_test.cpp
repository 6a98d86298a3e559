#include "core/cli/session/detach_keys.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::cli {
namespace {

DetachKeys keys(std::string_view text) {
  auto parsed = DetachKeys::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

TEST_CASE("detach keys are found wherever a read cuts them") {
  const std::string typed = "ab\x10\x11";
  for (std::size_t cut = 0; cut <= typed.size(); ++cut) {
    DetachKeys scanner = keys("ctrl-p,ctrl-q");
    auto first = scanner.feed(typed.substr(0, cut));
    auto second = first.detached ? DetachKeys::Typed{} : scanner.feed(typed.substr(cut));
    CHECK((first.detached || second.detached));
    CHECK(first.passed + second.passed == "ab");
  }
}

TEST_CASE("what only began like the detach keys is passed on") {
  DetachKeys scanner = keys("ctrl-p,ctrl-q");
  CHECK(scanner.feed("\x10").passed.empty());
  CHECK(scanner.held() == 1);
  CHECK(scanner.feed("x").passed == "\x10x");
  CHECK(scanner.feed("\x10\x10").passed == "\x10");
  CHECK(scanner.feed("\x11").detached);

  // A beginning within a beginning.
  DetachKeys repeated = keys("a,a,b");
  CHECK(repeated.feed("aa").passed.empty());
  CHECK(repeated.feed("a").passed == "a");
  const auto typed = repeated.feed("bxy");
  CHECK(typed.detached);
  CHECK(typed.passed.empty());
}

TEST_CASE("no detach keys: every byte is passed on") {
  DetachKeys scanner = keys("");
  const std::string all("\x10\x11\0\xff", 4);
  CHECK(scanner.feed(all).passed == all);
}

TEST_CASE("detach keys are named as podman names them") {
  CHECK(keys("ctrl-@,ctrl-[").feed(std::string("\0\x1b", 2)).detached);
  CHECK(keys("ctrl-_").feed("\x1f").detached);
  CHECK(keys("Z").feed("Z").detached);
  CHECK(keys(",,ctrl-a").feed(",\x01").detached);
  for (const char* bad : {"ctrl-", "ctrl-P", "ctrl-1", "alt-x", "ctrl-p,", "ab"}) {
    INFO(bad);
    CHECK_FALSE(DetachKeys::parse(bad));
  }
}

}  // namespace
}  // namespace fcvm::cli
