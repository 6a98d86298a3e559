#include "core/base/process/spawn.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

// The shell lists its own descriptors itself: ls would show the one it lists with. The glob needs
// one too, but has closed it when echo runs; [ -e ] tells which are really open.
constexpr const char* kListFds =
    "for f in /proc/$$/fd/*; do [ -e $f ] && printf '%s ' ${f##*/}; done";

Fd named_file(const TempDir& dir, const std::string& name) {
  must(write_file_atomic(dir.path() + "/" + name, name));
  return must(open_file(dir.path() + "/" + name, O_RDONLY));
}

/// At exactly this number, closed with the result.
Fd at_number(const Fd& fd, int number) {
  REQUIRE(::dup3(fd.get(), number, O_CLOEXEC) == number);
  return Fd(number);
}

TEST_CASE("exactly the wanted descriptors are passed") {
  // Neither close-on-exec, as a careless library would leave them.
  const Fd low(::dup(0));
  const Fd high(::fcntl(0, F_DUPFD, 500));
  CHECK(output_of(shell(kListFds)).text == "0 1 2 ");
  SpawnOptions options = shell(kListFds);
  options.extra_fds = {{low.get(), 9}, {0, 5}};
  CHECK(output_of(options).text == "0 1 2 5 9 ");
}

TEST_CASE("descriptors may change places") {
  TempDir dir = must(TempDir::create());
  const Fd a = at_number(named_file(dir, "a"), 203);
  const Fd b = at_number(named_file(dir, "b"), 204);
  const Fd c = at_number(named_file(dir, "c"), 205);
  SpawnOptions options;
  options.argv = {"cat", "/dev/fd/203", "/dev/fd/204", "/dev/fd/205", "/dev/fd/206"};
  options.extra_fds = {{204, 203}, {203, 204}, {205, 205}, {203, 206}};
  CHECK(output_of(options).text == "baca");
}

TEST_CASE("3 and 4 change places, as do 1 and 2") {
  TempDir dir = must(TempDir::create());
  const Fd a = named_file(dir, "a");
  const Fd b = named_file(dir, "b");
  // Whatever this program has at 3 and 4 comes back to it after.
  const Fd kept3(::fcntl(3, F_DUPFD_CLOEXEC, 300));
  const Fd kept4(::fcntl(4, F_DUPFD_CLOEXEC, 300));
  const Fd high_a(::fcntl(a.get(), F_DUPFD_CLOEXEC, 300));
  const Fd high_b(::fcntl(b.get(), F_DUPFD_CLOEXEC, 300));
  ::dup3(high_a.get(), 3, O_CLOEXEC);
  ::dup3(high_b.get(), 4, O_CLOEXEC);
  SpawnOptions options;
  options.argv = {"cat", "/dev/fd/3", "/dev/fd/4"};
  options.extra_fds = {{3, 4}, {4, 3}};
  const std::string text = output_of(options).text;
  kept3 ? ::dup3(kept3.get(), 3, O_CLOEXEC) : ::close(3);
  kept4 ? ::dup3(kept4.get(), 4, O_CLOEXEC) : ::close(4);
  CHECK(text == "ba");

  SpawnOptions crossed = shell("echo out; echo err >&2");
  Pipe pipe = must(Pipe::create());
  crossed.stderr_fd = pipe.write_end.get();
  CHECK(output_of(crossed).text == "out\n");
  must(pipe.write_end.close());
  CHECK(must(read_all(pipe.read_end.get(), 100)) == "err\n");
}

TEST_CASE("descriptors that cannot be passed are refused by name") {
  SpawnOptions options = shell("true");
  options.extra_fds = {{0, 7}, {1, 7}};
  CHECK(spawn(options).error().code() == EINVAL);
  options.extra_fds = {{999, 7}};
  const auto closed = spawn(options);
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code() == EBADF);
  CHECK(closed.error().message() ==
        "starting /bin/sh: passing a closed descriptor as descriptor 7: Bad file descriptor");
}

TEST_CASE("a program that cannot be executed is an error that names it") {
  SpawnOptions options;
  options.argv = {"/nonexistent/program"};
  const auto missing = spawn(options);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ENOENT);
  CHECK(missing.error().message() ==
        "starting /nonexistent/program: executing /nonexistent/program: No such file or directory");
  options.argv = {"no-such-program-in-path"};
  CHECK(spawn(options).error().code() == ENOENT);
  options.argv = {"/etc/passwd"};
  CHECK(spawn(options).error().code() == EACCES);
  CHECK(spawn(SpawnOptions{}).error().code() == EINVAL);
}

TEST_CASE("a program is looked up in the PATH of the environment it gets") {
  TempDir dir = must(TempDir::create());
  must(write_file_atomic(dir.path() + "/hello", "#!/bin/sh\necho hello $NAME $0\n", 0755));
  must(make_directories(dir.path() + "/first"));
  must(write_file_atomic(dir.path() + "/first/hello", "not executable", 0644));
  SpawnOptions options;
  options.argv = {"hello"};
  options.environment = {"PATH=" + dir.path() + "/first:" + dir.path(), "NAME=world"};
  CHECK(output_of(options).text == "hello world " + dir.path() + "/hello\n");
  options.argv = {"other name", "-c", "echo $0"};
  options.program = "/bin/sh";
  CHECK(output_of(options).text == "other name\n");
}

TEST_CASE("the working directory is a path or a descriptor") {
  TempDir dir = must(TempDir::create());
  SpawnOptions options = shell("pwd");
  options.cwd = dir.path();
  CHECK(output_of(options).text == dir.path() + "\n");
  const Fd fd = must(open_file(dir.path(), O_RDONLY | O_DIRECTORY));
  options.cwd.clear();
  options.cwd_fd = fd.get();
  CHECK(output_of(options).text == dir.path() + "\n");
  options.cwd_fd = -1;
  options.cwd = "/nonexistent";
  CHECK(spawn(options).error().message() ==
        "starting /bin/sh: changing directory to /nonexistent: No such file or directory");
}

TEST_CASE("signals start unblocked and at their defaults") {
  const auto handler = ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  SpawnOptions options;
  options.argv = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"};
  const std::string text = output_of(options).text;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, handler);
  CHECK(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("sessions, groups and limits are set") {
  SpawnOptions options = shell("set -- $(cat /proc/$$/stat); [ $1 = $6 ] && ulimit -n");
  options.new_session = true;
  options.limits = {{RLIMIT_NOFILE, {64, 64}}};
  CHECK(output_of(options).text == "64\n");
  options = shell("set -- $(cat /proc/$$/stat); [ $1 = $5 ] && [ $1 != $6 ] && echo leads");
  options.new_process_group = true;
  CHECK(output_of(options).text == "leads\n");
}

TEST_CASE("namespaces of its own are made where that is permitted", "[root]") {
  const std::string links = "readlink /proc/self/ns/mnt /proc/self/ns/ipc /proc/self/ns/uts";
  SpawnOptions options = shell(links);
  const std::string ours = output_of(options).text;
  options.own_namespaces = true;
  const std::string theirs = output_of(options).text;
  CHECK(theirs.size() == ours.size());
  CHECK((theirs != ours) == (::geteuid() == 0));
  FCVM_SKIP_IF(::geteuid() != 0, "the rest of it mounts, as root");
  options = shell("mount -t tmpfs none /proc/fs && stat -f -c %T /proc/fs");
  options.own_namespaces = true;
  CHECK(output_of(options).text == "tmpfs\n");
  CHECK(output_of(shell("stat -f -c %T /proc/fs")).text == "proc\n");
}

TEST_CASE("the identity changes, with its groups", "[root]") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  SpawnOptions options = shell("id -u; id -g; id -G");
  options.uid = 65534;
  options.gid = 1234;
  CHECK(output_of(options).text == "65534\n1234\n1234\n");
  options.groups = {5, 6};
  CHECK(output_of(options).text == "65534\n1234\n1234 5 6\n");
}

TEST_CASE("a child starts in its cgroup", "[root]") {
  std::string mount = "/sys/fs/cgroup";
  if (::access((mount + "/cgroup.procs").c_str(), W_OK) != 0) mount += "/unified";
  const std::string path = mount + "/fcvm-test-" + std::to_string(::getpid());
  FCVM_SKIP_IF(::mkdir(path.c_str(), 0755) != 0, "makes a cgroup, of version 2");
  {
    const Fd cgroup = must(open_file(path, O_RDONLY | O_DIRECTORY));
    SpawnOptions options = shell("grep ^0:: /proc/self/cgroup");
    options.cgroup_fd = cgroup.get();
    CHECK(output_of(options).text.find("fcvm-test-") != std::string::npos);
    const Fd no_cgroup = must(open_file("/", O_RDONLY | O_DIRECTORY));
    options.cgroup_fd = no_cgroup.get();
    CHECK(spawn(options).error().message().find("into its cgroup") != std::string::npos);
  }
  CHECK(::rmdir(path.c_str()) == 0);
}

}  // namespace
}  // namespace fcvm::base
