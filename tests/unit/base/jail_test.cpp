#include "core/base/jail/jail.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/jail/jail_child.hpp"
#include "core/base/jail/jail_filter.hpp"
#include "tests/support/shell_code.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

constexpr uid_t kSomebody = 3'000'000'007;

struct Jailed {
  std::string text;
  int code = -1;
  JailOutcome outcome;
};

/// What a shell in the jail says, its complaints included.
Jailed shell_in(const Jail& jail, const std::string& script) {
  SpawnOptions options = shell(script);
  options.environment = {{"PATH=/usr/bin:/bin"}};
  options.jail = &jail;
  Pipe pipe = must(Pipe::create());
  options.stdout_fd = options.stderr_fd = pipe.write_end.get();
  Jailed jailed;
  Child child = must(spawn(options, &jailed.outcome));
  must(pipe.write_end.close());
  jailed.text = must(read_all(pipe.read_end.get(), 1 << 20));
  jailed.code = shell_code(must(child.wait()));
  return jailed;
}

/// Both ways in which a host makes one: by privilege, and in a user namespace.
std::vector<Jail> kinds_of_jail() {
  std::vector<Jail> jails;
  jails.push_back(must(Jail::with_system()));
  if (::geteuid() == 0) {
    jails.push_back(must(Jail::with_system()));
    jails.back().uid = kSomebody;
  }
  return jails;
}

/// Where the host refuses namespaces there is nothing to see of them.
bool refused(const Jailed& jailed) {
  if (jailed.outcome.level == JailLevel::kNamespaces) return false;
  test::skip("no namespaces here: " + jailed.outcome.reason);
  return true;
}

std::string ours(const std::string& link) {
  return std::filesystem::read_symlink("/proc/self/" + link).string();
}

TEST_CASE("a jail's root directory holds what was allowed, and nothing else") {
  const TempDir dir = must(TempDir::create());
  must(write_file_atomic(dir.path() + "/file", "bytes"));
  for (Jail& jail : kinds_of_jail()) {
    must(jail.allow(dir.path() + "/file", Jail::Access::kRead));
    const Jailed jailed =
        shell_in(jail, "echo /* /dev/*; ls " + dir.path() + "; cat " + dir.path() + "/file");
    if (refused(jailed)) return;
    INFO(jailed.text);
    CHECK(jailed.text.find("/home") == std::string::npos);
    CHECK(jailed.text.find("/sys ") == std::string::npos);
    CHECK(jailed.text.find("/dev/null") != std::string::npos);
    CHECK(jailed.text.find("/dev/mem") == std::string::npos);
    CHECK(jailed.text.ends_with("file\nbytes"));
  }
}

TEST_CASE("what is allowed for reading cannot be written, nor can the root directory") {
  const TempDir dir = must(TempDir::create());
  ::chmod(dir.path().c_str(), 0777);
  must(write_file_atomic(dir.path() + "/file", "bytes", 0666));
  for (Jail& jail : kinds_of_jail()) {
    must(jail.allow(dir.path(), Jail::Access::kRead));
    const Jailed jailed = shell_in(jail, "echo x >" + dir.path() + "/file || echo x >" +
                                             dir.path() + "/new || echo x >/new || echo none");
    if (refused(jailed)) return;
    INFO(jailed.text);
    CHECK(jailed.text.ends_with("none\n"));
    CHECK(must(read_file(dir.path() + "/file")) == "bytes");
  }
}

TEST_CASE("what is allowed for writing can be written, and not executed") {
  const TempDir dir = must(TempDir::create());
  ::chmod(dir.path().c_str(), 0777);
  for (Jail& jail : kinds_of_jail()) {
    must(jail.allow(dir.path(), Jail::Access::kWrite));
    jail.directory = dir.path();
    const Jailed jailed =
        shell_in(jail, "cp /bin/true made && ls made && chmod 755 made; ./made; echo $?");
    if (refused(jailed)) return;
    INFO(jailed.text);
    CHECK(jailed.text.starts_with("made\n"));
    CHECK(jailed.text.ends_with("126\n"));
    must(remove_tree(dir.path() + "/made"));
  }
}

TEST_CASE("a jailed program is alone, without privileges, and cannot get any") {
  for (const Jail& jail : kinds_of_jail()) {
    const Jailed jailed =
        shell_in(jail,
                 "echo pid $$; grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid|Groups)' /proc/self/status; "
                 "unshare -U true; echo user $?; mount -t tmpfs none /dev; echo mount $?");
    if (refused(jailed)) return;
    INFO(jailed.text);
    CHECK(jailed.text.starts_with("pid 1\n"));
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      CHECK(jailed.text.find(std::string(set) + ":\t0000000000000000") != std::string::npos);
    }
    CHECK(jailed.text.find("NoNewPrivs:\t1") != std::string::npos);
    CHECK(jailed.text.find("Seccomp:\t2") != std::string::npos);
    CHECK(jailed.text.find("user 0") == std::string::npos);
    CHECK(jailed.text.find("mount 0") == std::string::npos);
    if (jail.uid) CHECK(jailed.text.find("Uid:\t3000000007") != std::string::npos);
    if (jail.uid) CHECK(jailed.text.find("Groups:\t \n") != std::string::npos);
  }
}

TEST_CASE("a jailed program is ours to wait for and to signal") {
  for (const Jail& jail : kinds_of_jail()) {
    CHECK(shell_in(jail, "exit 5").code == 5);
    SpawnOptions options = shell("echo ready; exec sleep 100");
    options.environment = {{"PATH=/usr/bin:/bin"}};
    options.new_session = true;
    options.jail = &jail;
    Pipe pipe = must(Pipe::create());
    options.stdout_fd = pipe.write_end.get();
    Child child = must(spawn(options));
    char ready[5];
    must(read_exact(pipe.read_end.get(), ready));
    CHECK(::getsid(child.pid()) == child.pid());
    must(child.signal(SIGKILL));
    CHECK(must(child.wait()).signal() == SIGKILL);
  }
}

TEST_CASE("its namespaces are its own, as is its network where it wants one") {
  for (Jail& jail : kinds_of_jail()) {
    jail.own_network = true;
    const Jailed jailed =
        shell_in(jail, "for n in mnt pid ipc uts net user; do readlink /proc/self/ns/$n; done");
    if (refused(jailed)) return;
    INFO(jailed.text);
    for (const char* kind : {"mnt", "pid", "ipc", "uts", "net"}) {
      CHECK(jailed.text.find(ours(std::string("ns/") + kind)) == std::string::npos);
    }
    CHECK((jailed.text.find(ours("ns/user")) != std::string::npos) == jail.uid.has_value());
  }
}

TEST_CASE("devices of a jail are those that were allowed") {
  for (Jail& jail : kinds_of_jail()) {
    must(jail.allow_device("/dev/full"));
    const Jailed jailed = shell_in(
        jail, "echo x >/dev/null && head -c 4 /dev/zero | wc -c && stat -c '%t %u' /dev/full");
    if (refused(jailed)) return;
    CHECK(jailed.text == (jail.uid ? "4\n1 3000000007\n" : jailed.text));
    CHECK(jailed.text.starts_with("4\n1 "));
  }
  Jail jail = must(Jail::with_system());
  CHECK(jail.allow_device("/dev/no-such").error().code() == ENOENT);
}

TEST_CASE("a program of an unusual place runs, with the libraries beside it") {
  const TempDir dir = must(TempDir::create());
  ::chmod(dir.path().c_str(), 0755);
  must(make_directories(dir.path() + "/bin"));
  must(make_directories(dir.path() + "/lib"));
  std::filesystem::copy_file("/bin/cat", dir.path() + "/bin/cat");
  must(write_file_atomic(dir.path() + "/lib/part", "of it"));
  must(write_file_atomic(dir.path() + "/secret", "none"));
  for (Jail& jail : kinds_of_jail()) {
    must(jail.allow_program("/bin/cat"));
    must(jail.allow_program(dir.path() + "/bin/cat"));
    const Jailed jailed =
        shell_in(jail, dir.path() + "/bin/cat " + dir.path() + "/lib/part; ls " + dir.path());
    if (refused(jailed)) return;
    CHECK(jailed.text == "of itbin\nlib\n");
  }
}

TEST_CASE("what is not there cannot be allowed, and is named") {
  Jail jail = must(Jail::with_system());
  const auto allowed = jail.allow("/no/such/file", Jail::Access::kRead);
  REQUIRE_FALSE(allowed);
  CHECK(allowed.error().code() == ENOENT);
  CHECK(allowed.error().message().find("/no/such/file") != std::string::npos);
  CHECK(jail.allow_as("relative", "/dev", Jail::Access::kRead).error().code() == EINVAL);
}

TEST_CASE("where namespaces are refused, Landlock is over the same list, and it is said why") {
  FCVM_SKIP_IF(Landlock::version() == 0, "this kernel has no Landlock");
  const TempDir dir = must(TempDir::create());
  must(write_file_atomic(dir.path() + "/file", "bytes"));
  must(write_file_atomic(dir.path() + "/secret", "none"));
  Jail inner = must(Jail::with_system());
  must(inner.allow(dir.path() + "/file", Jail::Access::kRead));
  // A process that was jailed may make no namespaces: its own attempt is refused, as a host does.
  const pid_t pid = ::fork();
  if (pid == 0) {
    int code = 1;
    JailPlan plan{};
    plan.filter = jail_filter();
    if (drop_capabilities().done && lock_jail(plan).done) {
      SpawnOptions options = shell("cat " + dir.path() + "/file && ! cat " + dir.path() +
                                   "/secret && grep -q 'CapBnd:.0000' /proc/self/status");
      options.jail = &inner;
      options.stdout_fd = options.stderr_fd = kDevNull;
      JailOutcome outcome;
      auto child = spawn(options, &outcome);
      code = !child                                                   ? 2
             : outcome.level != JailLevel::kLandlock                  ? 3
             : outcome.reason.find("namespaces") == std::string::npos ? 4
                                                                      : shell_code(*child->wait());
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

/// As the seccomp filters of containers do.
bool forbid_landlock() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_landlock_create_ruleset, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_landlock_restrict_self, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

TEST_CASE("where Landlock is not permitted there is none, and a jail all the same") {
  const pid_t pid = ::fork();
  if (pid == 0) {
    int code = 100;
    if (forbid_landlock()) {
      const Jail jail = must(Jail::with_system());
      SpawnOptions options = shell("exit 0");
      options.jail = &jail;
      auto child = spawn(options);
      code = child ? shell_code(*child->wait()) : 1;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace fcvm::base
