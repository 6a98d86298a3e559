// builder/1 as a plugin has it: through the C tables, over VMs with fc-agent for their guest.
#include "core/image/builder.hpp"

#include <filesystem>

#include <fcvm/sdk/host.hpp>

#include "core/base/io/file.hpp"
#include "core/image/build_directory.hpp"
#include "core/plugin/host_table.hpp"
#include "tests/contract/supervised.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::image {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::vector<std::string> kAgent = {FCVM_TEST_AGENT, "."};
[[maybe_unused]] const auto& kDefaultProgram = vm::guest_program = kAgent;

struct Workshop {
  explicit Workshop(const std::string& settings = "") {
    must(base::make_directories(directory.path() + "/etc/fcvm"));
    must(base::write_file_atomic(directory.path() + "/etc/fcvm/fcvm.toml", settings));
    REQUIRE(registry.add_table(vm::table_of<vm::Hosted>()));
    config::LoadRequest request;
    request.environment = config::Environment({{"FCVM_CONFIG_ROOT", directory.path()}});
    request.plugins = registry.tables();
    config.emplace(must(config::load(request)));
    builder.emplace(BuilderContext{
        .registry = registry,
        .config = *config,
        .paths = paths,
        .make_disk = [](const auto& path,
                        std::uint64_t) { return base::write_file_atomic(path, "", 0600); },
        .vmm = "vmm.hosted",
        .guest = {"/dev/null", "", "/dev/null", "/dev/null"}});
    table.emplace("image.test", plugin::Services{.builder = &*builder});
    must(base::write_file_atomic(directory.path() + "/archive", "in"));
    must(base::write_file_atomic(directory.path() + "/store", ""));
    working = must(base::open_file(directory.path(), O_RDONLY | O_DIRECTORY));
  }
  Host::Build shell(const std::string& script) {
    Host::Build build;
    build.arguments = {"/bin/sh", "-c", script};
    build.environment = {"MODE=loud"};
    build.directory = working.get();
    build.disks = {{"archive", "archive", FCVM_DISK_READ_ONLY},
                   {"store", directory.path() + "/store", FCVM_DISK_CACHE_UNSAFE}};
    return build;
  }
  Result<Host::ExecResult> run(const Host::Build& build) {
    return Host(table->get()).build(build, call);
  }
  /// Of builders, besides the lock of all.
  [[nodiscard]] std::size_t left() const {
    std::size_t count = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(paths.builds(), error)) {
      count += entry.is_directory() ? 1 : 0;
    }
    return count;
  }

  base::TempDir directory = must(base::TempDir::create());
  vm::Paths paths{directory.path() + "/data", directory.path() + "/run"};
  plugin::Registry registry;
  std::optional<config::Config> config;
  std::optional<Builder> builder;
  std::optional<plugin::HostTable> table;
  Fd working;
  CancelSource cancel;
  Call call{cancel, base::Deadline::in(vm::kPatience).as_ns()};
};

TEST_CASE("a builder runs a command on disks, and nothing is left of it") {
  Workshop workshop;
  vm::hosted_vms.clear();
  const auto done = must(workshop.run(workshop.shell("echo out; echo $MODE >&2; exit 3")));
  CHECK(done.exit_code == 3);
  CHECK(done.output == "out\n");
  CHECK(done.errors == "loud\n");
  REQUIRE(vm::hosted_vms.size() == 1);
  const auto& disks = vm::hosted_vms.front().disks;
  REQUIRE(disks.size() == 4);
  CHECK(disks[0] == "base /dev/null 1");
  CHECK(disks[2] == "archive " + workshop.directory.path() + "/archive 1");
  CHECK(disks[3] == "store " + workshop.directory.path() + "/store 2");
  CHECK(workshop.left() == 0);
}

TEST_CASE("two builders do not meet") {
  Workshop workshop;
  vm::hosted_vms.clear();
  auto other = std::async(std::launch::async, [&] {
    CancelSource source;
    const Call call(source, base::Deadline::in(vm::kPatience).as_ns());
    return Host(workshop.table->get()).build(workshop.shell("sleep 0.3; echo two"), call);
  });
  CHECK(must(workshop.run(workshop.shell("sleep 0.3; echo one"))).output == "one\n");
  CHECK(must(other.get()).output == "two\n");
  REQUIRE(vm::hosted_vms.size() == 2);
  CHECK(vm::hosted_vms[0].id != vm::hosted_vms[1].id);
  CHECK(workshop.left() == 0);
}

TEST_CASE("what cannot be built is refused before a VM starts") {
  Workshop workshop;
  auto build = workshop.shell("true");
  build.disks.front().id = "base";
  CHECK(workshop.run(build).error().code() == EINVAL);
  build = workshop.shell("true");
  build.disks.front().id = "store";
  CHECK(workshop.run(build).error().code() == EINVAL);
  build = workshop.shell("true");
  build.disks.front().path = "no-such-file";
  CHECK(workshop.run(build).error().code() == ENOENT);
  build = workshop.shell("true");
  build.directory = -1;
  CHECK(workshop.run(build).error().code() == EINVAL);
  build.arguments.clear();
  CHECK(workshop.run(build).error().code() == EINVAL);
}

TEST_CASE("a cancel and a deadline each end a builder") {
  Workshop workshop;
  const auto build = workshop.shell("sleep 600");
  SECTION("a cancel") {
    std::thread canceller([&] {
      std::this_thread::sleep_for(500ms);
      workshop.table->calls().cancel();
    });
    const auto before = std::chrono::steady_clock::now();
    CHECK(workshop.run(build).error().code() == ECANCELED);
    CHECK(std::chrono::steady_clock::now() - before < 30s);
    canceller.join();
  }
  SECTION("a deadline") {
    CHECK(Host(workshop.table->get()).build(build, workshop.call, 500ms).error().code() ==
          ETIMEDOUT);
  }
  CHECK(workshop.left() == 0);
}

TEST_CASE("a builder whose VMM ends has failed, and says so") {
  // In a jail the VMM is process 1, which nothing inside can kill.
  Workshop workshop("[jail]\nenabled = false\n");
  const auto ended = workshop.run(workshop.shell("kill -9 $PPID; sleep 600"));
  REQUIRE_FALSE(ended);
  INFO(ended.error().message());
  CHECK(ended.error().message().find("ended before its command") != std::string::npos);
  CHECK(workshop.left() == 0);
}

TEST_CASE("what a killed builder left is removed, and nothing of one that lives") {
  const Workshop workshop;
  const auto lives = must(BuildDirectory::make(workshop.paths));
  const auto dead = workshop.paths.builds() / "0123456789ab";
  must(base::make_directories(dead / "vmm"));
  must(base::write_file_atomic(dead / "cgroup", "/sys/fs/cgroup/fcvm-0123456789ab"));
  CHECK(must(BuildDirectory::sweep(workshop.paths, true)) ==
        std::vector<std::string>{"0123456789ab"});
  CHECK(fs::exists(dead));
  CHECK(must(BuildDirectory::sweep(workshop.paths)).size() == 1);
  CHECK_FALSE(fs::exists(dead));
  CHECK(fs::exists(lives.vmm()));
}

}  // namespace
}  // namespace fcvm::image
