#include "agent/container/podman.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST_CASE("a specification becomes one podman run, its command last and as it is") {
  wire::ContainerSpec spec;
  spec.image = "localhost/hello";
  spec.command = {"sh", "-c", "echo --name=x"};
  spec.environment = {"A=b c"};
  spec.has_entrypoint = true;
  spec.entrypoint = {"a\"b", "c\n"};
  spec.tty = true;
  const auto run = podman_run(spec);
  CHECK(has(run, "--env=A=b c"));
  CHECK(has(run, "--entrypoint=[\"a\\\"b\",\"c\\u000a\"]"));
  CHECK(has(run, "--tty"));
  CHECK(has(run, "--log-driver=none"));
  CHECK_FALSE(has(run, "--interactive"));
  CHECK(std::vector<std::string>(run.end() - 4, run.end()) ==
        std::vector<std::string>{"localhost/hello", "sh", "-c", "echo --name=x"});
  spec.entrypoint.clear();
  CHECK(has(podman_run(spec), "--entrypoint="));
}

TEST_CASE("an additional image store is named only when there is one") {
  CHECK(storage_conf("overlay", 2).find(
            "additionalimagestores = [\"/run/fcvm/store/0\", \"/run/fcvm/store/1\"]") !=
        std::string::npos);
  CHECK(storage_conf("btrfs", 0).find("additionalimagestores") == std::string::npos);
  CHECK(storage_conf("btrfs", 0).find("driver = \"btrfs\"\n") != std::string::npos);
  CHECK(podman_load({})->empty());
}

}  // namespace
}  // namespace fcvm::agent
