// Who may use the API.
#include "core/api/auth/tokens.hpp"

#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/digest/sha256.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::api {
namespace {

std::string line(std::string_view token, const std::string& rest) {
  return "sha256:" + digest::sha256(token) + " " + rest + "\n";
}

TEST_CASE("a token is known by its digest") {
  const auto tokens =
      Tokens::parse("# remark\n\n" + line("one", "alice max_sandboxes=3") + line("two", "bob # x"));
  REQUIRE(tokens);
  REQUIRE(tokens->find("one"));
  CHECK(tokens->find("one")->name == "alice");
  CHECK(tokens->find("one")->max_sandboxes == 3);
  CHECK(tokens->find("two")->max_sandboxes == 0);
  CHECK_FALSE(tokens->find("three"));
  CHECK_FALSE(tokens->find(""));
}

TEST_CASE("each mistake in a file of tokens is told with its line") {
  CHECK(Tokens::parse("").error().code() == EINVAL);
  CHECK(Tokens::parse("\nsecret alice\n").error().message().find("line 2") == 0);
  CHECK_FALSE(Tokens::parse(line("a", "")));
  CHECK_FALSE(Tokens::parse(line("a", "x/y")));
  CHECK_FALSE(Tokens::parse(line("a", "x max_sandboxes=0")));
  CHECK_FALSE(Tokens::parse(line("a", "x max_sandboxes=1x")));
  CHECK_FALSE(Tokens::parse(line("a", "x cpus=1")));
  CHECK_FALSE(Tokens::parse(line("a", "x") + line("b", "x")));
}

TEST_CASE("a file of tokens is its owner's alone") {
  const auto directory = base::TempDir::create();
  REQUIRE(directory);
  const auto path = directory->path() + "/tokens";
  REQUIRE(base::write_file_atomic(path, line("one", "alice"), 0600));
  CHECK(Tokens::load(path));
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  CHECK(Tokens::load(path).error().code() == EPERM);
  CHECK(Tokens::load(path + "x").error().code() == ENOENT);
}

TEST_CASE("secrets") {
  CHECK(equal_secrets("abc", "abc"));
  CHECK_FALSE(equal_secrets("abc", "abd"));
  CHECK_FALSE(equal_secrets("abc", "abcd"));
  const auto one = random_secret(16);
  const auto two = random_secret(16);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->size() == 32);
  CHECK(*one != *two);
}

TEST_CASE("nothing is no token") {
  CHECK_FALSE(Tokens::parse("sha256:" + digest::sha256("") + " alice\n"));
  CHECK_FALSE(must(Tokens::parse("sha256:" + digest::sha256("x") + " alice\n")).find(""));
}

}  // namespace
}  // namespace fcvm::api
