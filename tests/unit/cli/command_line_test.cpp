#include "core/cli/command_line.hpp"

#include "core/cli/help.hpp"
#include "core/cli/text/text_table.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::cli {
namespace {

using Words = std::vector<std::string>;

Verb run_like() {
  return {.name = "podman run",
          .arguments = "IMAGE [COMMAND...]",
          .options = {{.name = "fast", .type = config::Type::kBoolean, .letter = 'f'},
                      {.name = "label-file", .letter = 'x', .aliases = {"lf"}}},
          .takes_run_options = true,
          .positionals = {.min = 1, .max = kAnyNumber, .first_ends_options = true}};
}

TEST_CASE("the first positional ends the options, so that a command keeps its own") {
  const auto line =
      parse_command_line(run_like(), {"--cpus", "4", "-f", "alpine", "ls", "-l", "--fast"});
  REQUIRE(line);
  CHECK(line->positionals == Words{"alpine", "ls", "-l", "--fast"});
  CHECK(line->options.at("fast") == Words{"true"});
  REQUIRE(line->run_assignments.size() == 1);
  CHECK(line->run_assignments[0].name == "cpus");
  CHECK(line->run_assignments[0].text == "4");
}

TEST_CASE("letters cluster, take values glued or apart, and flags can be switched off") {
  CHECK(parse_command_line(run_like(), {"-fx", "x", "i"})->options.at("label-file") == Words{"x"});
  CHECK(parse_command_line(run_like(), {"-fxx", "i"})->options.at("label-file") == Words{"x"});
  CHECK(parse_command_line(run_like(), {"--fast=false", "i"})->options.at("fast") ==
        Words{"false"});
  CHECK(parse_command_line(run_like(), {"--lf=y", "i"})->options.at("label-file") == Words{"y"});
}

TEST_CASE("a flag leaves the next word alone where positionals do not end the options") {
  const Verb verb{.name = "rm",
                  .options = {{.name = "force", .type = config::Type::kBoolean, .letter = 'f'}},
                  .positionals = {.max = kAnyNumber}};
  for (const char* flag : {"-f", "--force"}) {
    const auto line = parse_command_line(verb, {flag, "web", "db"});
    REQUIRE(line);
    CHECK(line->positionals == Words{"web", "db"});
    CHECK(line->options.at("force") == Words{"true"});
  }
  CHECK(parse_command_line(verb, {"web", "-f"})->options.at("force") == Words{"true"});
}

TEST_CASE("no positional is taken for an option, whatever verb and letter") {
  for (const Verb& verb : verbs()) {
    if (verb.positionals.max == 0) continue;
    std::string letters;
    for (const auto& option : verb.options) letters += option.letter;
    for (const auto& option : global_options()) letters += option.letter;
    for (const char letter : letters) {
      if (letter == 0) continue;
      for (const std::string prefix : {"3", "x", "3f"}) {
        const std::string word = prefix + letter;
        Words words{word};
        while (words.size() < verb.positionals.min) words.emplace_back("more");
        const auto line = parse_command_line(verb, words);
        INFO("fcvm " << verb.name << " " << word);
        REQUIRE(line);
        CHECK(line->positionals == words);
        CHECK(line->options.empty());
      }
    }
  }
}

TEST_CASE("two dashes end the options, and a lone dash is not an option") {
  CHECK(parse_command_line(run_like(), {"-f", "--", "-image", "x"})->positionals ==
        Words{"-image", "x"});
  CHECK(parse_command_line(run_like(), {"-", "x"})->positionals == Words{"-", "x"});
}

TEST_CASE("mistakes are named, with what was meant and where to read on") {
  const auto unknown = parse_command_line(run_like(), {"--fats", "i"});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message() ==
        "fcvm podman run: unknown option --fats; did you mean `--fast`?");
  CHECK(unknown.error().remedy() == "fcvm podman run --help");
  CHECK_FALSE(parse_command_line(run_like(), {"--label-file"}));
  CHECK_FALSE(parse_command_line(run_like(), {}));
  // No guessing of prefixes.
  CHECK_FALSE(parse_command_line(run_like(), {"--fas", "i"}));
}

TEST_CASE("help shows every option of a verb") {
  const auto help = help_of(run_like());
  for (const auto* part : {"--fast", "--label-file", "--cpus", "--log-level", "IMAGE"}) {
    CHECK(help.find(part) != std::string::npos);
  }
}

TEST_CASE("a letter and an alias may count in another unit") {
  const auto name_of = [](const Words& words) {
    return parse_command_line(run_like(), words)->run_assignments.front().name;
  };
  CHECK(name_of({"--mem", "1024", "i"}) == "mem");
  CHECK(name_of({"--mem=1024", "i"}) == "mem");
  for (const Words& words : {Words{"-m", "1024", "i"}, Words{"-m1024", "i"},
                             Words{"--memory", "1024", "i"}, Words{"--memory=1024", "i"}}) {
    CHECK(name_of(words) == "memory");
  }
}

TEST_CASE("a table is as wide as its widest cells") {
  CHECK(text_table({"A", "LONG"}, {{"xyz", "1"}, {"", "2"}}) == "A    LONG\nxyz  1\n     2\n");
}

}  // namespace
}  // namespace fcvm::cli
