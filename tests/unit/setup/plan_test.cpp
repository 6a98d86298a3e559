// Keys change when an input does, and only then.
#include "core/setup/plan.hpp"

#include "core/digest/sha256.hpp"
#include "core/setup/key.hpp"
#include "core/setup/recipe.hpp"
#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {
namespace {

struct Host {
  base::TempDir dir = must(base::TempDir::create());
  Settings settings;

  Host() {
    settings.suite = "trixie";
    settings.guests = dir.path() + "/guests";
    settings.agent = dir.path() + "/agent";
    must(base::write_file_atomic(settings.agent, "agent 1"));
    must(base::write_file_atomic(dir.path() + "/bzImage", make_bzimage("payload", "6.1-none")));
  }
  Plan plan() { return must(make_plan(settings)); }
};

struct Keys {
  bool rootfs, kernel, initrd, hello, whole;
  friend bool operator==(const Keys&, const Keys&) = default;
};

/// Which keys differ.
Keys changed(const Plan& a, const Plan& b) {
  return {a.rootfs.key != b.rootfs.key, a.kernel.key != b.kernel.key, a.initrd.key != b.initrd.key,
          a.hello.key != b.hello.key, a.key != b.key};
}

constexpr Keys kNone{false, false, false, false, false};
constexpr Keys kAll{true, true, true, true, true};
constexpr Keys kOnlyInitrd{false, false, true, false, true};
constexpr Keys kOnlyKernel{false, true, true, false, true};

}  // namespace

TEST_CASE("the same inputs have the same keys, wherever the data lies") {
  Host host;
  const Plan before = host.plan();
  CHECK(changed(before, host.plan()) == kNone);
  host.settings.guests = "/elsewhere";
  CHECK(changed(before, host.plan()) == kNone);
}

TEST_CASE("another agent changes the initrd alone") {
  Host host;
  const Plan before = host.plan();
  must(base::write_file_atomic(host.settings.agent, "agent 2"));
  CHECK(changed(before, host.plan()) == kOnlyInitrd);
}

TEST_CASE("another suite or mirror changes everything") {
  Host host;
  const Plan before = host.plan();
  host.settings.suite = "bookworm";
  const Plan bookworm = host.plan();
  CHECK(changed(before, bookworm) == kAll);
  host.settings.mirror = "file:///srv/mirror";
  CHECK(changed(bookworm, host.plan()) == kAll);
}

TEST_CASE("another kernel leaves the root file system") {
  Host host;
  const Plan before = host.plan();
  host.settings.kernel = "path";
  host.settings.kernel_path = host.dir.path() + "/bzImage";
  const Plan of_path = host.plan();
  CHECK(changed(before, of_path) == kOnlyKernel);
  must(base::write_file_atomic(host.settings.kernel_path, make_bzimage("other", "6.1-none")));
  const Plan of_other = host.plan();
  CHECK(changed(of_path, of_other) == kOnlyKernel);
  host.settings.kernel_modules = host.dir.path();
  CHECK(changed(of_other, host.plan()) == kOnlyKernel);
}

TEST_CASE("a kernel from a URL is known by its digest") {
  Host host;
  host.settings.kernel = "url";
  host.settings.kernel_url = "file:///kernel";
  CHECK_FALSE(make_plan(host.settings));
  host.settings.kernel_sha256 = std::string(64, 'a');
  const Plan before = host.plan();
  host.settings.kernel_sha256 = std::string(64, 'b');
  CHECK(changed(before, host.plan()) == kOnlyKernel);
}

TEST_CASE("planning makes nothing, and says what is missing") {
  Host host;
  CHECK_FALSE(host.plan().rootfs.done);
  CHECK(shell("ls " + host.dir.path()) == "agent\nbzImage\n");
  host.settings.agent = host.dir.path() + "/none";
  const auto failed = make_plan(host.settings);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == ENOENT);
  CHECK(failed.error().message().find("agent") != std::string::npos);
}

TEST_CASE("inputs of other shapes never hash alike") {
  CHECK(Key().add("a", "bc").text() != Key().add("ab", "c").text());
  CHECK(Key().add("a", "").add("b", "").text() != Key().add("a", "b").text());
  CHECK(digest::sha256("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("paths are quoted for mmdebstrap's shell, and do not touch the recipe") {
  const auto words = mmdebstrap_words({"amd64", "trixie", "", true, "/t", "/it's here"});
  CHECK(std::find(words.begin(), words.end(),
                  "--customize-hook=sync-out /fcvm-extras '/it'\\''s here'") != words.end());
  CHECK(words.back() == "/t");
  CHECK(words[1] == "--mode=unshare");
  CHECK(recipe_text("amd64").find("linux-image-cloud-amd64") != std::string::npos);
  CHECK(recipe_text("amd64") != recipe_text("arm64"));
}

}  // namespace fcvm::setup
