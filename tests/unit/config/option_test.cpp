#include "core/config/option.hpp"

#include "core/config/nearest.hpp"
#include "core/config/tables.hpp"
#include "tests/support/catch.hpp"

using namespace fcvm::config;

namespace {

std::string error_of(const Option& option, std::string_view text) {
  const auto value = parse(option, text);
  return value ? "no error" : value.error().message();
}

std::uint64_t bytes(std::string_view text, std::uint64_t unit = 1) {
  return std::get<Size>(parse({.type = Type::kSize, .unit = unit}, text).value()).bytes;
}

long ms(std::string_view text) {
  return std::get<Duration>(parse({.type = Type::kDuration}, text).value()).count();
}

}  // namespace

TEST_CASE("sizes have binary suffixes and a default unit") {
  CHECK(bytes("0") == 0);
  CHECK(bytes("1024", kMiB) == kGiB);
  CHECK(bytes("512M", kGiB) == 512 * kMiB);
  for (const char* text : {"2g", "2G", "2GB", "2GiB", "2048M", "2097152k", "2147483648b"}) {
    CHECK(bytes(text, kMiB) == 2 * kGiB);
  }
  CHECK(bytes("1T") == 1024 * kGiB);
  CHECK(bytes("1.5G") == 1536 * kMiB);
}

TEST_CASE("sizes that are none are refused") {
  const Option option{.type = Type::kSize};
  for (const char* text : {"", "M", "-1", "+1", "1X", "1 G", "1GG", "1.", ".5", "1..5", "1e3",
                           "0x10", "1Gib2", " 1"}) {
    CHECK(error_of(option, text) ==
          "expected a size such as `512M` or `2G`, got `" + std::string(text) + "`");
  }
  CHECK(error_of(option, "99999999T") == "`99999999T` is too large");
  CHECK(error_of(option, "9223372036854775808") == "`9223372036854775808` is too large");
  CHECK(error_of(option, "99999999999999999999999999999.5T").find("large") != std::string::npos);
}

TEST_CASE("durations take units, sums and bare seconds") {
  CHECK(ms("10") == 10'000);
  CHECK(ms("10s") == 10'000);
  CHECK(ms("500ms") == 500);
  CHECK(ms("2m") == 120'000);
  CHECK(ms("1m30s") == 90'000);
  CHECK(ms("1.5h") == 5'400'000);
  CHECK(ms("1d") == 86'400'000);
  for (const char* text : {"", "s", "-1s", "1x", "1m30", "1 s", "1m-3s", "500us"}) {
    CHECK(error_of({.type = Type::kDuration}, text).find("expected a duration") == 0);
  }
  CHECK(error_of({.type = Type::kDuration}, "40000d") == "`40000d` is too long");
}

TEST_CASE("booleans and integers") {
  for (const char* yes : {"true", "yes", "on", "1", "TRUE"}) {
    CHECK(std::get<bool>(parse({.type = Type::kBoolean}, yes).value()));
  }
  CHECK_FALSE(std::get<bool>(parse({.type = Type::kBoolean}, "off").value()));
  CHECK(error_of({.type = Type::kBoolean}, "maybe") == "expected `true` or `false`, got `maybe`");
  CHECK(std::get<std::int64_t>(parse({.type = Type::kInteger}, "-5").value()) == -5);
  CHECK(error_of({.type = Type::kInteger}, "2x") == "expected a whole number, got `2x`");
  CHECK(error_of({.type = Type::kInteger}, "99999999999999999999").find("expected") == 0);
}

TEST_CASE("choices and ranges say what is allowed") {
  const Option pull{.choices = {"always", "missing"}};
  CHECK(error_of(pull, "mising") ==
        "expected one of `always`, `missing`, got `mising`; did you mean `missing`?");
  const Option cpus{.type = Type::kInteger, .range = Range{.min = 1, .max = 8}};
  CHECK(error_of(cpus, "9") == "expected between 1 and 8, got `9`");
  const Option mem{.type = Type::kSize, .range = Range{.min = 1 << 20}};
  CHECK(error_of(mem, "5K") == "expected at least 1M, got `5K`");
}

TEST_CASE("an error never shows a secret") {
  const Option pin{.type = Type::kInteger, .secret = true};
  CHECK(error_of(pin, "hunter2") == "expected a whole number");
}

TEST_CASE("maps: pairs, bare keys, repeats") {
  const auto all = parse({.type = Type::kMap}, std::vector<std::string>{"A=1", "B=x=y", "A=2"});
  CHECK(std::get<Map>(*all) == Map{{"A", "2"}, {"B", "x=y"}});
  CHECK(error_of({.type = Type::kMap}, "A") == "expected KEY=VALUE, got `A`");
  CHECK(error_of({.type = Type::kMap}, "=1") == "expected KEY=VALUE, got `=1`");
  const auto label = parse({.type = Type::kMap, .bare_key = BareKey::kEmpty}, "A");
  CHECK(std::get<Map>(*label) == Map{{"A", ""}});
  ::setenv("FCVM_TEST_BARE", "host", 1);
  const Option env{.type = Type::kMap, .bare_key = BareKey::kFromEnvironment};
  CHECK(std::get<Map>(*parse(env, "FCVM_TEST_BARE")) == Map{{"FCVM_TEST_BARE", "host"}});
  CHECK(std::get<Map>(*parse(env, "FCVM_TEST_NOT_THERE")).empty());
}

TEST_CASE("to_text is what parse reads back") {
  for (std::uint64_t size : {0ULL, 1ULL, 1023ULL, 1536ULL << 20U, 1ULL << 40U, 1025ULL}) {
    CHECK(bytes(to_text(Size{size}), kMiB) == size);
  }
  for (long duration : {0L, 1L, 1000L, 90'000L, 3'600'000L, 3'600'001L}) {
    CHECK(ms(to_text(Duration(duration))) == duration);
  }
}

TEST_CASE("every default of the core's tables is valid, and no name is taken twice") {
  for (const OptionTable& table : core_tables()) {
    std::vector<std::string> names;
    for (const Option& option : table.options) {
      INFO(table.section << "." << option.name);
      CHECK_FALSE(option.help.empty());
      CHECK((option.initial.empty() || parse_separated(option, option.initial)));
      names.push_back(option.name);
      names.insert(names.end(), option.aliases.begin(), option.aliases.end());
      if (option.letter != 0) names.emplace_back(1, option.letter);
    }
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  }
  CHECK(run_table().find("cpu") == run_table().find("cpus"));
  CHECK(run_table().find("memory")->name == "mem");
  CHECK(run_table().find("nothing") == nullptr);
}

TEST_CASE("nearest names") {
  CHECK(edit_distance("cpus", "cpsu") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(nearest("cpsu", {"mem", "cpus"}) == "cpus");
  CHECK(nearest("xy", {"rm", "vm"}).empty());
  CHECK(nearest("sort", {"set", "json"}).empty());
  CHECK(nearest("pull", {"kill", "rm"}).empty());
  CHECK(nearest("srot", {"sort", "set"}) == "sort");
  CHECK(nearest("memroy", {"memory", "mem"}) == "memory");
  CHECK(nearest("intractve", {"interactive"}) == "interactive");
  CHECK(nearest(std::string(1000, 'a'), {"a"}).empty());
  CHECK(did_you_mean("quantum", {"cpus"}).empty());
}
