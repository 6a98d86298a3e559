// A child dies with the process that spawned it, even when that is killed outright.
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/process/process_id.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

/// Forks a parent that spawns `options`, kills that parent with SIGKILL, and says whether the
/// grandchild went too.
bool dies_with_parent(const SpawnOptions& options) {
  Pipe pipe = must(Pipe::create());
  const pid_t parent = ::fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    auto child = spawn(options);
    const pid_t pid = child ? child->pid() : -1;
    (void)!::write(pipe.write_end.get(), &pid, sizeof pid);
    for (;;) ::pause();
  }
  pid_t grandchild = -1;
  must(read_exact(pipe.read_end.get(), {reinterpret_cast<char*>(&grandchild), sizeof grandchild}));
  ProcessId id;
  if (grandchild > 0) id = must(identify(grandchild));
  const bool ran = id.alive();
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  REQUIRE(ran);
  const Deadline deadline = Deadline::in(std::chrono::seconds(10));
  while (id.alive() && !deadline.expired()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const bool died = !id.alive();
  if (!died) ::kill(grandchild, SIGKILL);
  return died;
}

SpawnOptions sleeper() {
  SpawnOptions options;
  options.argv = {"sleep", "100"};
  return options;
}

TEST_CASE("a child dies with its parent") { CHECK(dies_with_parent(sleeper())); }

TEST_CASE("a child that need not die with its parent does not") {
  SpawnOptions options;
  options.argv = {"sleep", "2"};
  options.parent_death_signal = 0;
  options.new_session = true;
  Pipe pipe = must(Pipe::create());
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto child = spawn(options);
    const pid_t pid = child ? child->pid() : -1;
    (void)!::write(pipe.write_end.get(), &pid, sizeof pid);
    ::_exit(0);
  }
  pid_t grandchild = -1;
  must(read_exact(pipe.read_end.get(), {reinterpret_cast<char*>(&grandchild), sizeof grandchild}));
  ::waitpid(parent, nullptr, 0);
  const ProcessId id = must(identify(grandchild));
  CHECK(id.alive());
  ::kill(grandchild, SIGKILL);
}

TEST_CASE("a child dies with its parent in other namespaces and under another uid", "[root]") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  auto net = Namespace::new_net();
  FCVM_SKIP_IF(!net, net.error().message());
  SpawnOptions options = sleeper();
  SECTION("setns") { options.namespaces = {net->borrow()}; }
  SECTION("uid and gid") {
    options.uid = 65534;
    options.gid = 65534;
  }
  SECTION("setns and uid") {
    options.namespaces = {net->borrow()};
    options.uid = 65534;
    options.gid = 65534;
  }
  CHECK(dies_with_parent(options));
}

TEST_CASE("a child in another pid namespace dies with its parent", "[root]") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  Pipe pipe = must(Pipe::create());
  SpawnOptions holder;
  holder.argv = {"unshare", "-p", "-f", "--kill-child", "sh", "-c", "echo r; exec sleep 100"};
  holder.stdout_fd = pipe.write_end.get();
  const Child other = must(spawn(holder));
  must(pipe.write_end.close());
  char ready[1];
  FCVM_SKIP_IF(!read_exact(pipe.read_end.get(), ready), "makes a pid namespace, by unshare");
  const std::string path = "/proc/" + std::to_string(other.pid()) + "/ns/pid_for_children";
  const Namespace pids = must(Namespace::at_path(path, NamespaceKind::kPid));
  SpawnOptions options = sleeper();
  options.namespaces = {pids.borrow()};
  CHECK(dies_with_parent(options));
}

}  // namespace
}  // namespace fcvm::base
