#include "core/plan/choose.hpp"

#include <vector>

#include <fcvm/net.hpp>

#include "core/config/load.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::plan {
namespace {

/// Networks that claim to publish; what they find here is in their names.
struct Toy : NetPlugin {
  Result<NetAttachment> attach(const fcvm_net_request&, const Call&) { return NetAttachment(); }
  Result<Fd> dial(std::uint32_t, std::uint16_t, const Call&) { return fail(ECONNREFUSED, "no"); }
};
constexpr std::uint64_t kClaimed = FCVM_NET_CAN_PUBLISH | FCVM_NET_KEEPS_CLOSED;

struct Broken : Toy {
  static constexpr Info kInfo{"net.broken", "1.0.0", "a network for tests", kClaimed, 90};
  static Result<Probe> probe(Host, const NoOptions&, const Call&) {
    return Probe::unusable("its cable is cut", "mend the cable");
  }
};

struct Slow : Toy {
  static constexpr Info kInfo{"net.slow", "1.0.0", "a network for tests", kClaimed, 80};
  static Result<Probe> probe(Host, const NoOptions&, const Call&) {
    auto probe = Probe::degraded("it is slow", "wait");
    probe.without = FCVM_NET_CAN_PUBLISH;
    probe.preference = 10;
    return probe;
  }
};

struct Sound : Toy {
  static constexpr Info kInfo{"net.sound", "1.0.0", "a network for tests", kClaimed, 50};
};

struct Dead : Toy {
  static constexpr Info kInfo{"net.dead", "1.0.0", "a network for tests", kClaimed, 40};
  static Result<Probe> probe(Host, const NoOptions&, const Call&) {
    return fail(EIO, "it does not answer");
  }
};

/// Used only when it is named.
struct Shy : Toy {
  static constexpr Info kInfo{"net.shy", "1.0.0", "a network for tests"};
};

template <typename... Plugins>
plugin::Registry registry_of() {
  plugin::Registry registry;
  (must(registry.add_table(sdk::CommonTable<Plugins, typename Plugins::Verbs>::table())), ...);
  return registry;
}

config::Config no_config() {
  config::LoadRequest request;
  const std::map<std::string, std::string> variables = {{"FCVM_CONFIG_ROOT", "/nonexistent"}};
  request.environment = config::Environment(variables);
  return must(config::load(request));
}

std::string message_of(const Error& error) { return error.message() + " | " + error.remedy(); }

}  // namespace

TEST_CASE("the best that works is chosen, with what is to be had of it here") {
  const auto all = registry_of<Broken, Slow, Sound, Dead, Shy>();
  const Chosen best = must(choose_best(no_config(), all, "net"));
  CHECK(best.entry->descriptor.id == "net.sound");
  CHECK(best.probed);

  const auto slow = registry_of<Broken, Slow, Shy>();
  const Chosen rest = must(choose_best(no_config(), slow, "net"));
  CHECK(rest.entry->descriptor.id == "net.slow");
  CHECK(rest.capabilities == FCVM_NET_KEEPS_CLOSED);
}

TEST_CASE("where none works, the reason of each is told") {
  const auto registry = registry_of<Broken, Dead>();
  const auto none = choose_best(no_config(), registry, "net");
  REQUIRE_FALSE(none);
  CHECK(message_of(none.error()) ==
        "no network works here:\n  broken: its cable is cut\n  dead: probing net.dead: it does not "
        "answer | fcvm doctor shows what is missing");
}

TEST_CASE("what offers itself alone is chosen unasked, as if it were named") {
  const auto registry = registry_of<Broken, Shy>();
  const std::vector<Chosen> both{must(choose_best(no_config(), registry, "net")),
                                 must(choose_named(registry, "net", "broken"))};
  for (Chosen chosen : both) {
    CHECK(chosen.entry->descriptor.id == "net.broken");
    CHECK_FALSE(chosen.probed);
    CHECK(chosen.capabilities == kClaimed);
    const auto works = check_works(no_config(), chosen);
    REQUIRE_FALSE(works);
    CHECK(message_of(works.error()) ==
          "the network broken does not work here: its cable is cut | mend the cable");
  }
}

TEST_CASE("whoever asks whether a plugin works hears what is to be had of it here") {
  const auto registry = registry_of<Slow>();
  Chosen slow = must(choose_best(no_config(), registry, "net"));
  CHECK(slow.capabilities == kClaimed);
  must(check_works(no_config(), slow));
  CHECK(slow.probed);
  CHECK(slow.capabilities == FCVM_NET_KEEPS_CLOSED);
}

TEST_CASE("a plugin that is used only when it is named is no choice") {
  const auto registry = registry_of<Shy>();
  const auto none = choose_best(no_config(), registry, "net");
  REQUIRE_FALSE(none);
  CHECK(none.error().message() == "there is no network to choose from");
  CHECK(choose_named(registry, "net", "shy"));
}

}  // namespace fcvm::plan
