#include "core/vm/host/cgroup_limits.hpp"

#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

/// Files as a cgroup has them: the tests of real ones need a kernel that gives its controllers.
struct LikeACgroup {
  base::TempDir directory = must(base::TempDir::create());

  void put(const std::string& file, const std::string& text) const {
    must(base::write_file_atomic(directory.path() + "/" + file, text));
  }
  [[nodiscard]] std::string get(const std::string& file) const {
    return must(base::read_file(directory.path() + "/" + file));
  }
};

TEST_CASE("limits are those of the guest and what the VMM needs for it") {
  const auto kvm = CgroupLimits::of_guest(std::uint64_t{512} << 20, 2, false);
  CHECK(kvm.memory_bytes >> 20 == 512 + 32 + 256);
  CHECK(kvm.cpus == 2.5);
  CHECK(CgroupLimits::of_guest(std::uint64_t{512} << 20, 2, true).memory_bytes > kvm.memory_bytes);
}

TEST_CASE("each limit is set where its controller is, and the others are told") {
  const LikeACgroup cgroup;
  cgroup.put("cgroup.controllers", "cpuset memory pids\n");
  for (const char* file : {"memory.max", "pids.max", "memory.oom.group"}) cgroup.put(file, "");
  const auto applied = apply_limits(cgroup.directory.path(), {std::uint64_t{64} << 20, 100, 1.5});
  CHECK(applied.set == "memory 64 MiB, 100 processes");
  CHECK(applied.missing == cgroup.directory.path() + " has no controllers for cpu");
  CHECK(cgroup.get("memory.max") == "67108864");
  CHECK(cgroup.get("pids.max") == "100");
  CHECK(cgroup.get("memory.oom.group") == "1");
}

TEST_CASE("a cgroup without controllers has no limits, and makes no files") {
  const LikeACgroup cgroup;
  cgroup.put("cgroup.controllers", "");
  const auto applied = apply_limits(cgroup.directory.path(), {1, 1, 1});
  CHECK(applied.set.empty());
  CHECK(applied.missing == cgroup.directory.path() + " has no controllers for memory, cpu, pids");
  CHECK_FALSE(std::filesystem::exists(cgroup.directory.path() + "/memory.max"));
  CHECK_FALSE(enable_controllers(cgroup.directory.path()));
}

TEST_CASE("usage is read where it is counted") {
  const LikeACgroup cgroup;
  cgroup.put("memory.current", "1048576\n");
  cgroup.put("memory.max", "max\n");
  cgroup.put("cpu.stat", "usage_usec 2500\nuser_usec 2000\n");
  cgroup.put("io.stat", "254:0 rbytes=100 wbytes=5 rios=1\n254:16 rbytes=23 wbytes=6 rios=1\n");
  const auto usage = usage_of(cgroup.directory.path());
  CHECK(usage.memory_bytes == 1048576);
  CHECK_FALSE(usage.memory_limit_bytes);
  CHECK(usage.cpu_ns == 2'500'000);
  CHECK(usage.read_bytes == 123);
  CHECK(usage.written_bytes == 11);
  CHECK_FALSE(usage.processes);
  CHECK_FALSE(ran_out_of_memory(cgroup.directory.path()));
  cgroup.put("memory.events", "low 0\nmax 12\noom 1\noom_kill 1\n");
  CHECK(ran_out_of_memory(cgroup.directory.path()));
}

TEST_CASE("controllers are enabled all at once, and never where there are processes") {
  const LikeACgroup cgroup;
  cgroup.put("cgroup.type", "domain\n");
  cgroup.put("cgroup.controllers", "cpuset cpu io memory pids\n");
  cgroup.put("cgroup.subtree_control", "");
  cgroup.put("cgroup.procs", "4242\n");
  CHECK_FALSE(enable_controllers(cgroup.directory.path()));
  CHECK(cgroup.get("cgroup.subtree_control").empty());
  cgroup.put("cgroup.procs", "");
  CHECK(enable_controllers(cgroup.directory.path()));
  CHECK(cgroup.get("cgroup.subtree_control") == "+memory +pids +cpu +io");
}

}  // namespace
}  // namespace fcvm::vm
