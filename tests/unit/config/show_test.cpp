#include "core/config/show.hpp"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/config/load/toml.hpp"
#include "core/config/show.hpp"
#include "core/config/tables.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/config/fixture.hpp"

using namespace fcvm::config;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("show prints what a file could say, and reading it changes nothing") {
  Tree tree;
  const std::string file = tree.system(
      "[run]\ncpus = 4\nmem = 2048\nenv = { A = \"q\\\"\\n\\u0001\", 'b.c' = '' }\n"
      "env-file = ['x', 'y z']\ntimeout = 90\n");
  const std::string text = render_show(tree.config());
  CHECK(contains(text, "\ncpus = 4\nmem = \"2G\"\n"));
  CHECK(contains(text, "\nenv-file = [\"x\", \"y z\"]\n"));
  CHECK(contains(text, "\n# cidfile is not set\n"));
  Tree again;
  again.system(text);
  CHECK(render_show(again.config()) == text);
  Tree with_origin;
  with_origin.system(render_show(tree.config(), {.origin = true}));
  CHECK(render_show(with_origin.config()) == text);
}

TEST_CASE("show --origin says where each value is from") {
  Tree tree;
  const std::string file = tree.system("[run]\ncpus = 4\nenv = { A = '1' }\n");
  tree.option("run", "env", "B=2", "-e");
  tree.set("FCVM_LOG", "debug");
  const std::string text = render_show(tree.config(), {.origin = true});
  CHECK(contains(text, "cpus = 4  # " + file + ":2:1\n"));
  CHECK(contains(text, "  # A: " + file + ":3:1; B: command line -e\n"));
  CHECK(contains(text, "level = \"debug\"  # environment FCVM_LOG\n"));
  CHECK(contains(text, "pull = \"missing\"  # built-in\n"));
}

TEST_CASE("an origin cannot break out of its comment") {
  Tree tree;
  tree.request.config_file = tree.write("a\nevil = 1.toml", "[run]\ncpus = 4\n");
  CHECK_FALSE(contains(render_show(tree.config(), {.origin = true}), "\nevil"));
}

TEST_CASE("secrets are masked, in text and in JSON") {
  Tree tree;
  tree.request.plugins = plugins();
  tree.system("[plugin.net.rootless]\ntoken = 'hunter2'\nextra = { K = 'hunter2' }\n");
  const Config config = tree.config();
  CHECK(config.text("plugin.net.rootless", "token") == "hunter2");
  for (bool json : {false, true}) {
    for (bool origin : {false, true}) {
      const std::string text = render_show(config, {.origin = origin, .json = json});
      CHECK_FALSE(contains(text, "hunter2"));
      CHECK(contains(text, "********"));
    }
  }
  tree.request.plugins = {};
  const std::string unchecked = render_show(tree.config());
  CHECK_FALSE(contains(unchecked, "hunter2"));
  CHECK(contains(unchecked, "# [plugin.net.rootless] is set in "));
}

TEST_CASE("show --json has typed values, and objects with their origin") {
  Tree tree;
  const std::string file = tree.system("[run]\ncpus = 4\n[profile.p]\nmem = '3G'\n");
  tree.request.profile = "p";
  tree.option("run", "env", "A=\xff");
  const auto plain = nlohmann::json::parse(render_show(tree.config(), {.json = true}));
  CHECK(plain["run"]["cpus"] == 4);
  CHECK(plain["run"]["mem"] == "3G");
  CHECK(plain["run"]["rm"] == false);
  CHECK(plain["run"]["name"].is_null());
  CHECK(plain["run"]["env-file"].is_null());
  const auto full =
      nlohmann::json::parse(render_show(tree.config(), {.origin = true, .json = true}));
  CHECK(full["run"]["cpus"]["value"] == 4);
  CHECK(full["run"]["cpus"]["origin"]["file"] == file);
  CHECK(full["run"]["cpus"]["origin"]["line"] == 2);
  CHECK(full["run"]["mem"]["origin"]["layer"] == "profile");
  CHECK(full["run"]["mem"]["origin"]["name"] == "p");
  CHECK(full["run"]["env"]["keys"]["A"]["layer"] == "command-line");
}

TEST_CASE("the sample is valid as it is, and with every setting enabled") {
  auto tables = core_tables();
  tables.push_back(rootless_table());
  tables.back().section = "plugin.net.rootless";
  const std::string text = sample(tables);
  std::string enabled;
  std::size_t settings = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    std::string line = text.substr(start, end - start);
    CHECK(line.size() <= 100);
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ') {
      line.erase(0, 1);
      ++settings;
    }
    enabled += line + "\n";
    start = end + 1;
  }
  std::size_t options = 6;  // lines of the sample profiles
  for (const OptionTable& table : tables) options += table.options.size();
  CHECK(settings == options);
  Tree tree;
  tree.request.plugins = plugins();
  const std::string defaults = render_show(tree.config());
  tree.system(text);
  CHECK(render_show(tree.config()) == defaults);
  tree.system(enabled);
  tree.request.profile = "huge";
  CHECK(tree.error() == "no error");
  CHECK(tree.config().size("run", "mem") == 32 * kGiB);
  CHECK(tree.config().integer("run", "cpus") == 8);
  CHECK(tree.config().integer("plugin.net.rootless", "mtu") == 1500);
}

TEST_CASE("check reports the layers, or only the file that it was given") {
  Tree tree;
  const std::string system = tree.system("[profile.base]\ncpus = 2\n[rnu]\n");
  const CheckReport all = check(tree.request);
  REQUIRE(all.problems.all().size() == 1);
  CHECK(all.problems.all().front().text() ==
        system + ":3:2: unknown section [rnu]; did you mean `run`?");
  CHECK(all.files == std::vector<std::string>{system});

  const std::string good = tree.write("good.toml", "[profile.x]\ninherits = 'base'\n");
  const std::string bad = tree.write("bad.toml", "[run]\ncpsu = 1\n");
  const CheckReport given = check(tree.request, {good, bad, tree.path("missing.toml")});
  CHECK(given.files == std::vector<std::string>{good, bad});
  REQUIRE(given.problems.all().size() == 2);
  CHECK(given.problems.all()[0].text() ==
        bad + ":2:1: unknown key `cpsu` in [run]; did you mean `cpus`?");
  CHECK(given.problems.all()[1].text() ==
        tree.path("missing.toml") + ": cannot be read: No such file or directory");
}

TEST_CASE("a privileged process takes nothing from its environment") {
  CHECK(Environment().all().empty());
  CHECK_FALSE(Environment::of_process().all().empty());
}

TEST_CASE("without HOME, the passwd database says where it is") {
  const char* home = std::getenv("HOME");
  const std::string kept = home == nullptr ? "" : home;
  ::unsetenv("HOME");
  const passwd* user = ::getpwuid(::geteuid());
  const std::string known = user == nullptr ? "" : user->pw_dir;
  CHECK(Environment::of_process().get("HOME").value_or("") == known);
  ::setenv("HOME", "/of/its/own", 1);
  CHECK(Environment::of_process().get("HOME") == "/of/its/own");
  ::setenv("HOME", kept.c_str(), 1);
}

TEST_CASE("root that another user became takes no FCVM_ variable from that user") {
  const Environment callers({{"FCVM_PLUGIN_PATH", "/tmp/mine"},
                             {"FCVM_PLUGIN_VMM_QEMU_BINARY", "/tmp/mine/qemu"},
                             {"XDG_CONFIG_HOME", "/tmp/mine"},
                             {"HOME", "/home/me"},
                             {"PATH", "/usr/bin"}});
  const Environment rest = callers.without_callers_wishes();
  CHECK_FALSE(rest.get("FCVM_PLUGIN_PATH"));
  CHECK_FALSE(rest.get("FCVM_PLUGIN_VMM_QEMU_BINARY"));
  CHECK_FALSE(rest.get("XDG_CONFIG_HOME"));
  CHECK(rest.get("HOME") != "/home/me");
  CHECK(rest.get("PATH") == "/usr/bin");
  CHECK(rest.ignored() ==
        std::vector<std::string>{"FCVM_PLUGIN_PATH", "FCVM_PLUGIN_VMM_QEMU_BINARY"});
}
