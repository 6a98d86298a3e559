#include "tests/support/catch.hpp"
#include "tests/unit/config/fixture.hpp"

using namespace fcvm::config;

TEST_CASE("plugin sections go through all layers once the tables are known") {
  Tree tree;
  const std::string file = tree.system("[plugin.net.rootless]\nmtu = 9000\ntoken = 'a'\n");
  tree.write("etc/fcvm/conf.d/1.toml", "[plugin.'net.rootless']\ntoken = 'b'\n");
  tree.set("FCVM_PLUGIN_NET_ROOTLESS_EXTRA", "k=v,l=w");
  Config config = tree.config();
  CHECK(config.section("plugin.net.rootless") == nullptr);
  REQUIRE(config.unchecked_plugins().size() == 1);
  CHECK(config.unchecked_plugins().front().id == "net.rootless");
  CHECK(config.warnings().empty());

  for (int twice = 0; twice < 2; ++twice) {
    REQUIRE(config.validate_plugin_sections(plugins()));
    CHECK(config.integer("plugin.net.rootless", "mtu") == 9000);
    CHECK(config.text("plugin.net.rootless", "token") == "b");
    CHECK(config.map("plugin.net.rootless", "extra") == Map{{"k", "v"}, {"l", "w"}});
    CHECK(to_string(config.origin("plugin.net.rootless", "mtu")) == file + ":2:1");
    CHECK(config.unchecked_plugins().empty());
  }
  CHECK(check_required(*config.section("plugin.net.rootless")));
}

TEST_CASE("plugin sections at load: mistakes, and the command line above all") {
  Tree tree;
  tree.request.plugins = plugins();
  tree.option("plugin.net.rootless", "mtu", "1280");
  CHECK(tree.config().integer("plugin.net.rootless", "mtu") == 1280);
  const std::string file = tree.system("[plugin.net.rootless]\nmtuu = 1\nmtu = 'x'\n");
  CHECK(tree.error() ==
        file + ":2:1: unknown key `mtuu` in [plugin.net.rootless]; did you mean `mtu`?\n" + file +
            ":3:7: `mtu`: expected a whole number, got a text");
}

TEST_CASE("a plugin that is not there is a warning in files, and a mistake on the command line") {
  Tree tree;
  tree.request.plugins = plugins();
  const std::string file =
      tree.system("[plugin.net.rotless]\nmtu = 1\n[plugin.memory.uffd]\nx = 1\n");
  tree.set("FCVM_PLUGIN_NET_ROOTLESS_MUT", "1");
  const auto warnings = tree.config().warnings();
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[0] == file + ":3:16: [plugin.memory.uffd] has no effect: there is no such plugin");
  CHECK(warnings[1] == file +
                           ":1:13: [plugin.net.rotless] has no effect: there is no such plugin; "
                           "did you mean `net.rootless`?");
  CHECK(warnings[2].find("did you mean `FCVM_PLUGIN_NET_ROOTLESS_MTU`?") != std::string::npos);
  tree.option("plugin.net.rotless", "mtu", "1280");
  CHECK(tree.error().find("there is no plugin `net.rotless`; did you mean `net.rootless`?") !=
        std::string::npos);
}

TEST_CASE("plugin sections of the wrong shape are mistakes without any table") {
  Tree tree;
  const std::string file = tree.system("[plugin]\nmtu = 1\n[plugin.net]\nmtu = 1\n");
  CHECK(tree.error() ==
        file +
            ":2:1: `mtu` stands right in [plugin]; a plugin's options are in "
            "[plugin.KIND.NAME]\n" +
            file + ":4:1: `mtu` must be a plugin's section, [plugin.net.mtu], not a whole number");
}

TEST_CASE("a required option is missed when it is needed, not before") {
  Tree tree;
  tree.request.plugins = plugins();
  const Config config = tree.config();
  const auto missing = check_required(*config.section("plugin.net.rootless"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message() == "[plugin.net.rootless]: `token` must be set");
}
