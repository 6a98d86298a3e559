// The commands that readiness.exec takes.
#include "plugins/readiness/exec/words.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::readiness {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("a command is a line for the shell, or a JSON list of words") {
  CHECK(must(words_of("test -e /x")) == Words{"/bin/sh", "-c", "test -e /x"});
  CHECK(must(words_of(" [\"/check\", \"a b\"]")) == Words{"/check", "a b"});
  CHECK(must(words_of("[ -e /x ]")) == Words{"/bin/sh", "-c", "[ -e /x ]"});
  for (const char* none : {"", "  ", "[]", "[1]"}) CHECK_FALSE(words_of(none));
}

}  // namespace
}  // namespace fcvm::readiness
