#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/config/fixture.hpp"

using namespace fcvm::config;

namespace {

struct Step {
  Layer layer;
  void (*set)(Tree&, const std::string& value);
  std::string origin;  // with % for the root
};

const std::string kRun = "[run]\nhostname = ";

std::vector<Step> steps() {
  return {
      {Layer::kBuiltIn,
       [](Tree& tree, const std::string& value) {
         tree.request.built_in.push_back({"run", "hostname", value, {}});
       },
       "built-in"},
      {Layer::kShare,
       [](Tree& tree, const std::string& value) {
         tree.write("usr/share/fcvm/fcvm.toml", kRun + "'" + value + "'");
       },
       "%/usr/share/fcvm/fcvm.toml:2:1"},
      {Layer::kSystem,
       [](Tree& tree, const std::string& value) { tree.system(kRun + "'" + value + "'"); },
       "%/etc/fcvm/fcvm.toml:2:1"},
      {Layer::kSystemDropIn,
       [](Tree& tree, const std::string& value) {
         tree.write("etc/fcvm/conf.d/20.toml", kRun + "'" + value + "'");
         tree.write("etc/fcvm/conf.d/10.toml", kRun + "'not this'");
         tree.write("etc/fcvm/conf.d/30.toml.bak", "not toml");
         tree.write("etc/fcvm/conf.d/.hidden.toml", "not toml");
       },
       "%/etc/fcvm/conf.d/20.toml:2:1"},
      {Layer::kUser,
       [](Tree& tree, const std::string& value) {
         tree.write("home/.config/fcvm/fcvm.toml", kRun + "'" + value + "'");
       },
       "%/home/.config/fcvm/fcvm.toml:2:1"},
      {Layer::kUserDropIn,
       [](Tree& tree, const std::string& value) {
         tree.write("home/.config/fcvm/conf.d/a.toml", kRun + "'" + value + "'");
       },
       "%/home/.config/fcvm/conf.d/a.toml:2:1"},
      {Layer::kFile,
       [](Tree& tree, const std::string& value) {
         tree.request.config_file = tree.write("given.toml", kRun + "'" + value + "'");
       },
       "%/given.toml:2:1"},
      {Layer::kProfile,
       [](Tree& tree, const std::string& value) {
         tree.write("etc/fcvm/conf.d/15.toml", "[profile.p]\nhostname = '" + value + "'");
         tree.request.profile = "p";
       },
       "profile p, %/etc/fcvm/conf.d/15.toml:2:1"},
      {Layer::kEnvironment,
       [](Tree& tree, const std::string& value) { tree.set("FCVM_RUN_HOSTNAME", value); },
       "environment FCVM_RUN_HOSTNAME"},
      {Layer::kCommandLine,
       [](Tree& tree, const std::string& value) { tree.option("run", "hostname", value); },
       "command line --hostname"},
  };
}

std::string in_root(std::string text, const Tree& tree) {
  const std::string root = tree.path("");
  if (const auto at = text.find('%'); at != std::string::npos) {
    text.replace(at, 2, root);
  }
  return text;
}

}  // namespace

TEST_CASE("of every two layers the later one wins, in whichever order they are written") {
  const auto all = steps();
  for (std::size_t low = 0; low < all.size(); ++low) {
    for (std::size_t high = low + 1; high < all.size(); ++high) {
      Tree tree;
      all[high].set(tree, "high");
      all[low].set(tree, "low");
      const Config config = tree.config();
      INFO(to_string(all[low].layer) << " < " << to_string(all[high].layer));
      CHECK(config.text("run", "hostname") == "high");
      CHECK(config.origin("run", "hostname").layer == all[high].layer);
      CHECK(to_string(config.origin("run", "hostname")) == in_root(all[high].origin, tree));
      CHECK(config.is_set("run", "hostname"));
    }
  }
}

TEST_CASE("without any file the defaults hold") {
  const Config config = Tree().config();
  CHECK(config.integer("run", "cpus") == 2);
  CHECK(config.size("run", "mem") == kGiB);
  CHECK(config.duration("run", "stop-timeout") == std::chrono::seconds(10));
  CHECK(config.text("log", "level") == "info");
  CHECK_FALSE(config.boolean("run", "rm"));
  CHECK(config.list("paths", "plugin-dirs").empty());
  CHECK(config.text("run", "name").empty());
  CHECK_FALSE(config.is_set("run", "cpus"));
  CHECK_FALSE(config.is_set("run", "name"));
  CHECK(to_string(config.origin("run", "cpus")) == "built-in");
  CHECK(config.files().empty());
  CHECK(config.warnings().empty());
}

TEST_CASE("XDG_CONFIG_HOME moves the user's files, unless it is relative") {
  Tree tree;
  tree.write("xdg/fcvm/fcvm.toml", kRun + "'xdg'");
  tree.write("home/.config/fcvm/fcvm.toml", kRun + "'home'");
  tree.set("XDG_CONFIG_HOME", tree.path("xdg"));
  CHECK(tree.config().text("run", "hostname") == "xdg");
  tree.set("XDG_CONFIG_HOME", "xdg");
  CHECK(tree.config().text("run", "hostname") == "home");
}

TEST_CASE("environment: extra names, aliases, lists, and which name counts") {
  Tree tree;
  tree.set("FCVM_BASE_DIR", "/base");
  tree.set("FCVM_LOG", "debug");
  tree.set("FCVM_RUN_CPU", "3");
  tree.set("FCVM_RUN_MEM", "2048");
  tree.set("FCVM_PATHS_PLUGIN_DIRS", "/a:/b:");
  tree.set("FCVM_RUN_NAME", "");
  const Config config = tree.config();
  CHECK(config.text("paths", "data-dir") == "/base");
  CHECK(config.text("log", "level") == "debug");
  CHECK(config.integer("run", "cpus") == 3);
  CHECK(config.size("run", "mem") == 2 * kGiB);
  CHECK(config.list("paths", "plugin-dirs") == List{"/a", "/b"});
  CHECK_FALSE(config.is_set("run", "name"));
  tree.set("FCVM_DATA_DIR", "/data");
  CHECK(tree.config().text("paths", "data-dir") == "/data");
  tree.set("FCVM_PATHS_DATA_DIR", "/general");
  CHECK(tree.config().text("paths", "data-dir") == "/general");
}

TEST_CASE("environment: what matches nothing is a warning, what does not parse an error") {
  Tree tree;
  tree.request.plugins = plugins();
  tree.set("FCVM_RUN_CPSU", "3");
  tree.set("FCVM_MTU", "1400");
  tree.set("FCVM_PLUGIN_PATH", "/p");
  tree.set("FCVM_TEST_ANYTHING", "1");
  const std::vector<std::string> expected{
      "the environment variable FCVM_RUN_CPSU matches no option; did you mean `FCVM_RUN_CPUS`?"};
  CHECK(tree.config().warnings() == expected);
  CHECK(tree.config().integer("plugin.net.rootless", "mtu") == 1400);
  tree.set("FCVM_RUN_CPUS", "many");
  CHECK(tree.error() == "FCVM_RUN_CPUS: expected a whole number, got `many`");
}

TEST_CASE("lists are replaced, maps merge by key, each key with its origin") {
  Tree tree;
  const std::string file = tree.system(
      "[run]\nenv-file = ['a', 'b']\nenv = { A = '1', B = '1' }\nlabel = ['x=1', 'bare']\n");
  tree.write("etc/fcvm/conf.d/1.toml", "[run.env]\nB = '2'\n");
  tree.option("run", "env", "C=3", "-e");
  tree.option("run", "env", "D=4", "-e");
  tree.option("run", "env-file", "c");
  tree.option("run", "env-file", "d");
  tree.option("run", "cpu", "4");
  tree.option("run", "cpus", "5");
  const Config config = tree.config();
  CHECK(config.list("run", "env-file") == List{"c", "d"});
  CHECK(config.map("run", "env") == Map{{"A", "1"}, {"B", "2"}, {"C", "3"}, {"D", "4"}});
  CHECK(config.map("run", "label") == Map{{"x", "1"}, {"bare", ""}});
  CHECK(config.integer("run", "cpus") == 5);
  for (const Entry& entry : config.section("run")->entries) {
    if (entry.option->name != "env") continue;
    CHECK(to_string(entry.key_origins.at("A")) == file + ":3:1");
    CHECK(entry.key_origins.at("B").layer == Layer::kSystemDropIn);
    CHECK(to_string(entry.key_origins.at("C")) == "command line -e");
  }
}

TEST_CASE("a value on the command line is checked, and named as it was typed") {
  Tree tree;
  tree.option("run", "cpus", "0", "--cpu");
  CHECK(tree.error() == "--cpu: expected between 1 and 256, got `0`");
  Tree unknown;
  unknown.option("run", "cpsu", "1");
  CHECK(unknown.error() == "--cpsu: unknown option; did you mean `cpus`?");
}
