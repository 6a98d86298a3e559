#include "core/setup/program.hpp"

#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {

TEST_CASE("a missing program is named with its package") {
  const auto missing = require_programs({"sh", "no-such-program", "xz"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ENOENT);
  CHECK(missing.error().message().find("no-such-program is not installed") != std::string::npos);
  CHECK(missing.error().remedy() == "apt install no-such-program");
  CHECK(package_of("mke2fs") == "e2fsprogs");
  CHECK(run_program({.argv = {"no-such-program"}}).error().code() == ENOENT);
}

TEST_CASE("a failure quotes the lines that matter and names the log") {
  const base::TempDir dir = must(base::TempDir::create());
  std::vector<std::string> lines;
  ProgramRun run;
  run.argv = {"sh", "-c", "echo I: fine; echo E: no route; echo I: bye >&2; exit 3"};
  run.log = dir.path() + "/log";
  run.on_line = [&](std::string_view line) { lines.emplace_back(line); };
  const auto failed = run_program(run);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() ==
        "sh exited with 3:\n  E: no route\nall that it said is in " + run.log);
  CHECK(lines == std::vector<std::string>{"I: fine", "E: no route", "I: bye"});
  CHECK(must(base::read_file(run.log)) == "I: fine\nE: no route\nI: bye\n");
}

TEST_CASE("without an error among them the last lines are quoted") {
  CHECK(meaningful_lines({"a", "b"}) == "  a\n  b");
  CHECK(meaningful_lines({"1", "2", "3", "4", "5", "6", "7"}) == "  2\n  3\n  4\n  5\n  6\n  7");
  CHECK(meaningful_lines({}).empty());
}

TEST_CASE("words are quoted for a shell") {
  CHECK(shell("printf %s " + shell_quote("it's $HOME \"x\"")) == "it's $HOME \"x\"");
}

}  // namespace fcvm::setup
