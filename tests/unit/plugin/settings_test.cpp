#include "core/plugin/settings.hpp"

#include <map>

#include "core/plugin/descriptor.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/plugin/toy_plugins.hpp"

namespace fcvm::plugin {
namespace {

std::map<std::string, fcvm_setting> by_name(const Settings& settings) {
  std::map<std::string, fcvm_setting> rows;
  for (const auto& row : sized_elements(settings.get()->items, settings.get()->count)) {
    rows[row.name] = row;
  }
  return rows;
}

TEST_CASE("settings carry defaults and values in the types of the table") {
  const auto descriptor = describe(*toys::table_of<toys::Net>());
  REQUIRE(descriptor);
  const auto settings = Settings::from_values(
      descriptor->options, {{"patience", "250ms"}, {"friends", "ann"}, {"friends", "bob"}});
  REQUIRE(settings);
  auto rows = by_name(*settings);
  CHECK(rows["patience"].number == 250'000'000);
  CHECK(rows["room"].number == 4096);
  CHECK(rows["count"].number == 3);
  CHECK(rows["loud"].number == 0);
  CHECK(std::string(rows["mood"].text) == "good");
  REQUIRE(rows["friends"].item_count == 2);
  CHECK(std::string(rows["friends"].items[1]) == "bob");
}

TEST_CASE("unknown, wrong and missing settings are refused by name") {
  const auto net = describe(*toys::table_of<toys::Net>());
  const auto gate = describe(*toys::table_of<toys::Gate>());
  REQUIRE(net);
  REQUIRE(gate);
  CHECK(Settings::from_values(net->options, {{"mod", "good"}}).error().message() ==
        "plugin.net.toy has no option \"mod\"; did you mean `mood`?");
  CHECK_FALSE(Settings::from_values(net->options, {{"mood", "sad"}}));
  CHECK_FALSE(Settings::from_values(net->options, {{"patience", "soon"}}));
  CHECK(Settings::from_values(gate->options, {}).error().message() ==
        "plugin.readiness.toy needs the option \"url\": what to ask");
}

}  // namespace
}  // namespace fcvm::plugin
