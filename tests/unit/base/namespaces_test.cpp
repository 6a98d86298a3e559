#include "core/base/process/namespaces.hpp"

#include <dirent.h>
#include <unistd.h>

#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

bool may_unshare() { return ::geteuid() == 0 && Namespace::new_net().has_value(); }

/// A process with namespaces of its own, which it has entered once it says so.
Child holder(const std::vector<std::string>& unshare_flags) {
  Pipe pipe = must(Pipe::create());
  SpawnOptions options;
  options.argv = {"unshare"};
  for (const std::string& flag : unshare_flags) options.argv.push_back(flag);
  for (const char* word : {"sh", "-c", "echo r; exec sleep 100"}) options.argv.emplace_back(word);
  options.stdout_fd = pipe.write_end.get();
  Child child = must(spawn(options));
  must(pipe.write_end.close());
  char ready[1];
  must(read_exact(pipe.read_end.get(), ready));
  return child;
}

std::string link_of(NamespaceKind kind, const Child& child) {
  return output_of(shell("readlink /proc/" + std::to_string(child.pid()) + "/ns/" + name_of(kind)))
      .text;
}

TEST_CASE("a handle is checked for its kind") {
  const auto wrong = Namespace::at_path("/proc/self/ns/net", NamespaceKind::kMount);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == EINVAL);
  const Namespace mine = must(Namespace::of_this_thread(NamespaceKind::kNet));
  const Namespace same = must(Namespace::of_process(::getpid(), NamespaceKind::kNet));
  CHECK(must(mine.same_as(same)));
}

TEST_CASE("a task runs in a network namespace and the caller stays where it is", "[root]") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const Namespace before = must(Namespace::of_this_thread(NamespaceKind::kNet));
  const Namespace made = must(Namespace::new_net());
  CHECK_FALSE(must(made.same_as(before)));
  const Namespace inside =
      must(in_namespace(made, [] { return Namespace::of_this_thread(NamespaceKind::kNet); }));
  CHECK(must(inside.same_as(made)));
  CHECK(must(must(Namespace::of_this_thread(NamespaceKind::kNet)).same_as(before)));
  const auto failed = in_namespace(made, []() -> Result<void> { return fail(EIO, "no"); });
  CHECK(failed.error().code() == EIO);
}

TEST_CASE("a child enters namespaces", "[root]") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const Child other = holder({"-n", "-m", "-u", "-i"});
  std::vector<Namespace> held;
  SpawnOptions options = shell("for n in mnt net uts ipc; do readlink /proc/self/ns/$n; done");
  for (const NamespaceKind kind :
       {NamespaceKind::kMount, NamespaceKind::kNet, NamespaceKind::kUts, NamespaceKind::kIpc}) {
    held.push_back(must(Namespace::of_process(other.pid(), kind)));
    options.namespaces.push_back(held.back().borrow());
  }
  CHECK(output_of(options).text ==
        link_of(NamespaceKind::kMount, other) + link_of(NamespaceKind::kNet, other) +
            link_of(NamespaceKind::kUts, other) + link_of(NamespaceKind::kIpc, other));
}

TEST_CASE("a child enters a user namespace with others", "[root]") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const Child other = holder({"-U", "-r", "-n"});
  const Namespace net = must(Namespace::of_process(other.pid(), NamespaceKind::kNet));
  const Namespace user = must(Namespace::of_process(other.pid(), NamespaceKind::kUser));
  SpawnOptions options = shell("readlink /proc/self/ns/user; readlink /proc/self/ns/net");
  options.namespaces = {net.borrow(), user.borrow()};
  CHECK(output_of(options).text ==
        link_of(NamespaceKind::kUser, other) + link_of(NamespaceKind::kNet, other));
}

TEST_CASE("a child enters a pid namespace and is ours to wait for", "[root]") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const Child other = holder({"-p", "--mount-proc", "-f", "--kill-child"});
  const std::string path = "/proc/" + std::to_string(other.pid()) + "/ns/pid_for_children";
  const Namespace pids = must(Namespace::at_path(path, NamespaceKind::kPid));
  SpawnOptions options = shell("echo $PPID; exit 5");
  options.namespaces = {pids.borrow()};
  const Output output = output_of(options);
  CHECK(output.text == "0\n");
  CHECK(output.code == 5);
  options.argv = {"/nonexistent/program"};
  CHECK(spawn(options).error().code() == ENOENT);
}

TEST_CASE("what is not a namespace is an error that names its kind") {
  SpawnOptions options = shell("true");
  options.namespaces = {{NamespaceKind::kNet, 0}};
  const auto spawned = spawn(options);
  REQUIRE_FALSE(spawned);
  CHECK(spawned.error().message().find("entering the net namespace") != std::string::npos);
}

}  // namespace
}  // namespace fcvm::base
