#include "core/vm/host/cgroup.hpp"

#include <csignal>
#include <filesystem>

#include "core/base/process/spawn.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

TEST_CASE("a VM's cgroup takes what is in it along") {
  const auto place = cgroup_place("0123456789ab", false);
  FCVM_SKIP_IF(!place, "makes a cgroup, of version 2");
  const std::string& path = *place;
  must(remove_cgroup(path));  // of an earlier run that was killed
  const Cgroup cgroup = must(Cgroup::make(path));
  CHECK(Cgroup::make(path).error().code() == EEXIST);
  base::SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "sleep 1000 & wait"};
  options.cgroup_fd = cgroup.fd();
  base::Child child = must(base::spawn(options));
  must(remove_cgroup(path));
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(must(child.wait()).signal() == SIGKILL);
  must(remove_cgroup(path));
}

TEST_CASE("nothing but a VM's cgroup is removed") {
  Scratch scratch;
  const auto like_one = scratch.store.paths().data / "fcvm-0123456789ab";
  std::filesystem::create_directories(like_one);
  CHECK(remove_cgroup(like_one.string()).error().code() == EINVAL);
  CHECK(std::filesystem::exists(like_one));
  const auto place = cgroup_place("0123456789ab", false);
  FCVM_SKIP_IF(!place, "makes a cgroup, of version 2");
  const std::string& path = *place;
  const auto parent = std::filesystem::path(path).parent_path();
  CHECK(remove_cgroup(parent.string()).error().code() == EINVAL);
  must(remove_cgroup(""));
}

}  // namespace
}  // namespace fcvm::vm
