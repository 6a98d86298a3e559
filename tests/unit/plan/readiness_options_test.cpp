#include "core/plan/readiness_options.hpp"

#include <map>

#include <fcvm/readiness.hpp>

#include "core/config/load.hpp"
#include "core/plan/health_options.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::plan {
namespace {

/// Gates that nobody asks.
struct Toy : ReadinessPlugin {
  struct Options {
    std::string url;
    std::string body = "any";
    std::vector<std::string> header;
    static auto table() {
      return options(option("url", &Options::url, "what to ask").required(),
                     option("body", &Options::body, "what to find"),
                     option("header", &Options::header, "what to say"));
    }
  };
  Toy(Host, Options) {}
  Result<void> wait(const fcvm_ready_target&, const Call&) { return {}; }
};
struct Http : Toy {
  static constexpr Info kInfo{"readiness.http", "1.0.0", "a gate for tests"};
  using Toy::Toy;
};
struct Wired : Toy {
  static constexpr Info kInfo{"readiness.wired", "1.0.0", "a gate for tests",
                              FCVM_READINESS_NEEDS_NETWORK};
  using Toy::Toy;
};

using Variables = std::map<std::string, std::string>;

struct Asked {
  plugin::Registry registry;
  std::optional<config::Config> config;

  explicit Asked(Variables environment) {
    must(registry.add_table(sdk::CommonTable<Http, Http::Verbs>::table()));
    must(registry.add_table(sdk::CommonTable<Wired, Wired::Verbs>::table()));
    environment.emplace("FCVM_CONFIG_ROOT", "/nonexistent");
    config::LoadRequest request;
    request.environment = config::Environment(std::move(environment));
    request.plugins = registry.tables();
    config.emplace(must(config::load(request)));
  }
  Result<vm::ReadinessPlan> plan(const std::string& network = "net.toy") {
    vm::NetworkPlan wanted;
    wanted.plugin = network;
    return readiness_plan(*config, registry, wanted);
  }
};

Asked gates(const std::string& lines) { return Asked(Variables{{"FCVM_RUN_WAIT_READY", lines}}); }

using Settings = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("without gates a VM is ready once its container runs") {
  CHECK(must(Asked(Variables{}).plan()).gates.empty());
}

TEST_CASE("a comma separates where an option follows, unless a backslash says no") {
  const auto plan =
      must(gates("mode=http,url=http://x/a,b?c=d,body=^a{1,2}\\,e=f$,header=A: b,c,header=D: e\n"
                 "mode=readiness.http,url=http://y/")
               .plan());
  REQUIRE(plan.gates.size() == 2);
  CHECK(plan.gates[0].plugin == "readiness.http");
  CHECK(plan.gates[0].settings == Settings{{"url", "http://x/a,b?c=d"},
                                           {"body", "^a{1,2},e=f$"},
                                           {"header", "A: b,c"},
                                           {"header", "D: e"}});
  CHECK(plan.gates[1].settings == Settings{{"url", "http://y/"}});
  CHECK(plan.limit == std::chrono::minutes(10));
}

TEST_CASE("what is no gate is refused before anything is made") {
  for (const char* wrong : {"http", "url=http://x/,mode=http", "mode=", "mode=no-such,url=x",
                            "mode=http", "mode=http,color", "mode=http,color=red"}) {
    INFO(wrong);
    const auto plan = gates(wrong).plan();
    REQUIRE_FALSE(plan);
    CHECK_THAT(plan.error().message(), test::Contains("--wait-ready"));
  }
  CHECK(gates("mode=wired,url=x").plan());
  CHECK(gates("mode=wired,url=x").plan("").error().code() == EINVAL);
  CHECK_FALSE(Asked(Variables{{"FCVM_RUN_READY_TIMEOUT", "0"}}).plan());
}

TEST_CASE("--health-check is short for a gate") {
  // The toy has no option `timeout`, which the real one has.
  const auto plan = Asked(Variables{{"FCVM_RUN_HEALTH_CHECK", "http://x/"}}).plan();
  REQUIRE_FALSE(plan);
  CHECK_THAT(plan.error().message(), test::Contains("mode=http,url=http://x/,timeout=5s"));
}

vm::HealthPlan health(Variables environment) {
  return must(health_plan(*Asked(std::move(environment)).config));
}

TEST_CASE("a health command is a line for the shell, or a JSON list of words, as podman has it") {
  using Words = std::vector<std::string>;
  const auto test_of = [](const std::string& text) {
    return health(Variables{{"FCVM_RUN_HEALTH_CMD", text}}).test;
  };
  CHECK(health(Variables{}).test.empty());
  CHECK(test_of("curl -f http://x/") == Words{"CMD-SHELL", "curl -f http://x/"});
  CHECK(test_of("[ -e /x ]") == Words{"CMD-SHELL", "[ -e /x ]"});
  CHECK(test_of("[\"/check\", \"a\"]") == Words{"CMD", "/check", "a"});
  CHECK(test_of("[\"CMD\", \"/check\"]") == Words{"CMD", "/check"});
  CHECK(test_of("[\"check it\"]") == Words{"CMD-SHELL", "check it"});
  CHECK(health(Variables{{"FCVM_RUN_HEALTH_CMD", "none"}}).none);
  CHECK(health(Variables{{"FCVM_RUN_NO_HEALTHCHECK", "true"}}).none);
  CHECK_FALSE(health_plan(
      *Asked(Variables{{"FCVM_RUN_HEALTH_CMD", "x"}, {"FCVM_RUN_NO_HEALTHCHECK", "true"}}).config));
  CHECK_FALSE(health_plan(*Asked(Variables{{"FCVM_RUN_HEALTH_CMD", "[]"}}).config));
  CHECK_FALSE(health_plan(*Asked(Variables{{"FCVM_RUN_HEALTH_INTERVAL", "1ms"}}).config));
}

}  // namespace
}  // namespace fcvm::plan
