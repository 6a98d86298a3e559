#include "tests/support/catch.hpp"
#include "tests/unit/config/fixture.hpp"

using namespace fcvm::config;

TEST_CASE("a profile overrides what it inherits, whatever layer either is in") {
  Tree tree;
  tree.system("[profile.child]\ninherits = 'parent'\ncpus = 8\n");
  const std::string user = tree.write("home/.config/fcvm/fcvm.toml",
                                      "[profile.parent]\ncpus = 4\nmem = '4G'\ninherits = 'base'\n"
                                      "[profile.base]\nmem = '1G'\nhostname = 'h'\n");
  tree.request.profile = "child";
  const Config config = tree.config();
  CHECK(config.integer("run", "cpus") == 8);
  CHECK(config.size("run", "mem") == 4 * kGiB);
  CHECK(config.text("run", "hostname") == "h");
  CHECK(to_string(config.origin("run", "mem")) == "profile parent, " + user + ":3:1");
  CHECK(config.profile() == "child");
  CHECK(config.profiles() == std::vector<std::string>{"base", "child", "parent"});
}

TEST_CASE("definitions of one profile merge by key, a later layer winning") {
  Tree tree;
  tree.system("[profile.p]\ncpus = 8\nmem = '2G'\nenv = { A = '1' }\n");
  tree.write("etc/fcvm/conf.d/1.toml", "[profile.p]\ncpus = 9\nenv = { B = '2' }\n");
  tree.set("FCVM_PROFILE", "p");
  const Config config = tree.config();
  CHECK(config.integer("run", "cpus") == 9);
  CHECK(config.size("run", "mem") == 2 * kGiB);
  CHECK(config.map("run", "env") == Map{{"A", "1"}, {"B", "2"}});
}

TEST_CASE("--profile goes before FCVM_PROFILE; a profile that is not selected does nothing") {
  Tree tree;
  tree.system("[profile.a]\ncpus = 3\n[profile.b]\ncpus = 4\n");
  CHECK(tree.config().integer("run", "cpus") == 2);
  tree.set("FCVM_PROFILE", "a");
  tree.request.profile = "b";
  CHECK(tree.config().integer("run", "cpus") == 4);
}

TEST_CASE("an unknown profile is named with the nearest") {
  Tree tree;
  const std::string file = tree.system("[profile.large]\ncpus = 3\n");
  tree.request.profile = "lagre";
  CHECK(tree.error() == "--profile: no profile `lagre`; did you mean `large`?");
  CHECK(load(tree.request).error().remedy() == "take one of those there are: large");
  tree.request.profile.clear();
  tree.set("FCVM_PROFILE", "tiny");
  CHECK(tree.error() == "FCVM_PROFILE: no profile `tiny`");
}

TEST_CASE("an unknown parent is an error where it stands, once") {
  Tree tree;
  const std::string file = tree.system(
      "[profile.large]\n[profile.x]\ninherits = 'lagre'\n[profile.y]\ninherits = 'x'\n");
  CHECK(tree.error() == file + ":3:12: no profile `lagre`; did you mean `large`?");
}

TEST_CASE("a circle of profiles is named once, selected or not") {
  Tree tree;
  const std::string file = tree.system(
      "[profile.b]\ninherits = 'c'\n[profile.c]\ninherits = 'a'\n[profile.a]\ninherits = 'b'\n"
      "[profile.leads-in]\ninherits = 'a'\n");
  const std::string expected = file + ":6:12: profiles inherit in a circle: a -> b -> c -> a";
  CHECK(tree.error() == expected);
  tree.request.profile = "leads-in";
  CHECK(tree.error() == expected);
  Tree own;
  const std::string self = own.system("[profile.me]\ninherits = 'me'\n");
  CHECK(own.error() == self + ":2:12: profiles inherit in a circle: me -> me");
}

TEST_CASE("mistakes in a profile are found whether or not it is selected, and told once") {
  Tree tree;
  const std::string file = tree.system("[profile.p]\ncpsu = 1\n");
  const std::string expected =
      file + ":2:1: unknown key `cpsu` in [profile.p]; did you mean `cpus`?";
  CHECK(tree.error() == expected);
  tree.request.profile = "p";
  CHECK(tree.error() == expected);
  Tree flat;
  const std::string other = flat.system("[profile]\np = 1\n");
  CHECK(flat.error() ==
        other + ":2:1: `profile.p` must be a section, [profile.p], not a whole number");
  Tree inherits;
  const std::string third = inherits.system("[profile.p]\ninherits = 1\n");
  CHECK(inherits.error() ==
        third + ":2:12: `inherits`: expected the name of a profile, got a whole number");
}
