// The option table that a struct makes of itself, and the struct that settings make.
#include <fcvm/sdk/options.hpp>

#include "tests/support/catch.hpp"

namespace fcvm {
namespace {

using std::chrono::nanoseconds;

struct Options {
  std::string host = "localhost";
  std::string token;
  bool verbose = true;
  std::uint16_t port = 80;
  int offset = -3;
  Bytes cache{512};
  nanoseconds interval = std::chrono::milliseconds(250);
  nanoseconds patience = std::chrono::seconds(90);
  nanoseconds tick = std::chrono::microseconds(500);
  std::vector<std::string> dns;
  int limit = 5;

  static auto table() {
    return options(option("host", &Options::host, "whom to ask").choices("localhost|guest"),
                   option("token", &Options::token, "what to show").secret(),
                   option("verbose", &Options::verbose, "say more"),
                   option("port", &Options::port, "where"),
                   option("offset", &Options::offset, "by how much"),
                   option("cache", &Options::cache, "how much to keep"),
                   option("interval", &Options::interval, "how often"),
                   option("patience", &Options::patience, "how long"),
                   option("tick", &Options::tick, "how fine"),
                   option("dns", &Options::dns, "whom to ask for names"),
                   option("limit", &Options::limit, "how many").required());
  }
};

struct Settings {
  std::vector<fcvm_setting> rows;
  std::vector<const fcvm_setting*> pointers;
  fcvm_settings raw = sized<fcvm_settings>();

  explicit Settings(std::vector<fcvm_setting> given) : rows(std::move(given)) {
    for (const auto& row : rows) pointers.push_back(&row);
    raw.items = pointers.data();
    raw.count = static_cast<std::uint32_t>(pointers.size());
  }
};

fcvm_setting setting(const char* name, std::uint32_t type, std::int64_t number = 0) {
  auto made = sized<fcvm_setting>();
  made.name = name;
  made.type = type;
  made.number = number;
  return made;
}

Result<Options> read(std::vector<fcvm_setting> rows) {
  const Settings settings(std::move(rows));
  return sdk::read_settings<Options>(&settings.raw);
}

TEST_CASE("the option table carries names, types, defaults as text, choices and flags") {
  const sdk::OptionTable<Options> table;
  REQUIRE(table.size() == 11);
  struct Row {
    const char* name;
    std::uint32_t type;
    const char* initial;
  };
  const Row rows[] = {
      {"host", FCVM_OPTION_TEXT, "localhost"},     {"token", FCVM_OPTION_TEXT, nullptr},
      {"verbose", FCVM_OPTION_BOOLEAN, "true"},    {"port", FCVM_OPTION_INTEGER, "80"},
      {"offset", FCVM_OPTION_INTEGER, "-3"},       {"cache", FCVM_OPTION_SIZE, "512"},
      {"interval", FCVM_OPTION_DURATION, "250ms"}, {"patience", FCVM_OPTION_DURATION, "90s"},
      {"tick", FCVM_OPTION_DURATION, "1ms"},       {"dns", FCVM_OPTION_LIST, nullptr},
      {"limit", FCVM_OPTION_INTEGER, nullptr}};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const fcvm_option& option = *table.data()[i];
    INFO(rows[i].name);
    CHECK(option.size == sizeof(fcvm_option));
    CHECK(std::string(option.name) == rows[i].name);
    CHECK(option.type == rows[i].type);
    CHECK((option.default_value == nullptr) == (rows[i].initial == nullptr));
    if (rows[i].initial != nullptr) CHECK(std::string(option.default_value) == rows[i].initial);
  }
  CHECK(std::string(table.data()[0]->choices) == "localhost|guest");
  CHECK(table.data()[1]->flags == FCVM_OPTION_SECRET);
  CHECK(table.data()[10]->flags == FCVM_OPTION_REQUIRED);
  CHECK(sdk::OptionTable<NoOptions>().size() == 0);
}

TEST_CASE("settings become the struct, and what nobody set keeps its default") {
  auto host = setting("host", FCVM_OPTION_TEXT);
  host.text = "guest";
  auto dns = setting("dns", FCVM_OPTION_LIST);
  const char* const servers[] = {"1.1.1.1", "9.9.9.9"};
  dns.items = servers;
  dns.item_count = 2;
  const auto options = read(
      {host, dns, setting("verbose", FCVM_OPTION_BOOLEAN, 0),
       setting("port", FCVM_OPTION_INTEGER, 65535), setting("offset", FCVM_OPTION_INTEGER, -9),
       setting("cache", FCVM_OPTION_SIZE, 4096), setting("interval", FCVM_OPTION_DURATION, 5)});
  REQUIRE(options);
  CHECK(options->host == "guest");
  CHECK(options->dns == std::vector<std::string>{"1.1.1.1", "9.9.9.9"});
  CHECK_FALSE(options->verbose);
  CHECK(options->port == 65535);
  CHECK(options->offset == -9);
  CHECK(options->cache.count == 4096);
  CHECK(options->interval == nanoseconds(5));
  CHECK(options->patience == std::chrono::seconds(90));
  CHECK(sdk::read_settings<Options>(nullptr)->port == 80);
}

TEST_CASE("settings that the table does not allow are refused by name") {
  CHECK(read({setting("hots", FCVM_OPTION_TEXT)}).error().message() == "unknown option \"hots\"");
  CHECK(read({setting("port", FCVM_OPTION_TEXT)}).error().message() ==
        "option \"port\" has the wrong type");
  CHECK(read({setting("port", 99)}).error().code() == EINVAL);
  CHECK(read({setting(nullptr, FCVM_OPTION_TEXT)}).error().code() == EINVAL);
}

TEST_CASE("a number that does not fit its member is refused, never cut") {
  for (const std::int64_t number : {std::int64_t{65536}, std::int64_t{-1}, INT64_MIN}) {
    const auto options = read({setting("port", FCVM_OPTION_INTEGER, number)});
    REQUIRE_FALSE(options);
    CHECK(options.error().code() == ERANGE);
    CHECK(options.error().message() ==
          "option \"port\": " + std::to_string(number) + " is out of range");
  }
  CHECK_FALSE(read({setting("offset", FCVM_OPTION_INTEGER, INT64_MAX)}));
}

TEST_CASE("a required option that is missing is named") {
  const Settings none({});
  CHECK(sdk::check_required<Options>(&none.raw).error().message() ==
        "option \"limit\" is required");
  const Settings some({setting("limit", FCVM_OPTION_INTEGER, 1)});
  CHECK(sdk::check_required<Options>(&some.raw));
  CHECK_FALSE(sdk::check_required<Options>(nullptr));
  CHECK(sdk::check_required<NoOptions>(nullptr));
}

}  // namespace
}  // namespace fcvm
