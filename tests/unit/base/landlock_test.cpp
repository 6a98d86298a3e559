#include "core/base/jail/landlock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

/// Landlock cannot be taken off, so each case is a process; what it exits with.
int in_a_child(const std::function<int()>& task) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(task());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int error_of_open(const std::string& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

TEST_CASE("what Landlock allows is all that is left, and only as it was allowed") {
  FCVM_SKIP_IF(Landlock::version() == 0, "this kernel has no Landlock");
  const TempDir dir = must(TempDir::create());
  for (const char* name : {"read", "write", "secret"}) {
    must(make_directories(dir.path() + "/" + name));
    must(write_file_atomic(dir.path() + "/" + name + "/file", "bytes"));
  }
  Landlock landlock = must(Landlock::create());
  must(landlock.allow(dir.path() + "/read", Landlock::Access::kRead));
  must(landlock.allow(dir.path() + "/write", Landlock::Access::kWrite));
  const auto tried = [&](const std::string& path, int flags) {
    return in_a_child([&] {
      return Landlock::enforce(landlock.fd()) ? error_of_open(dir.path() + path, flags) : 255;
    });
  };
  CHECK(tried("/read/file", O_RDONLY) == 0);
  CHECK(tried("/read/file", O_WRONLY) == EACCES);
  CHECK(tried("/read/new", O_WRONLY | O_CREAT) == EACCES);
  CHECK(tried("/write/file", O_RDWR) == 0);
  CHECK(tried("/write/new", O_WRONLY | O_CREAT) == 0);
  CHECK(tried("/secret/file", O_RDONLY) == EACCES);
  CHECK(tried("/secret", O_RDONLY | O_DIRECTORY) == EACCES);
}

TEST_CASE("a single file may be allowed, without its neighbours") {
  FCVM_SKIP_IF(Landlock::version() == 0, "this kernel has no Landlock");
  const TempDir dir = must(TempDir::create());
  must(write_file_atomic(dir.path() + "/one", "1"));
  must(write_file_atomic(dir.path() + "/two", "2"));
  Landlock landlock = must(Landlock::create());
  must(landlock.allow(dir.path() + "/one", Landlock::Access::kWrite));
  CHECK(in_a_child([&] {
          if (!Landlock::enforce(landlock.fd())) return 1;
          if (error_of_open(dir.path() + "/one", O_RDWR) != 0) return 2;
          return error_of_open(dir.path() + "/two", O_RDONLY) == EACCES ? 0 : 3;
        }) == 0);
}

TEST_CASE("programs run only from where that is allowed, and gain no privileges") {
  FCVM_SKIP_IF(Landlock::version() == 0, "this kernel has no Landlock");
  Landlock none = must(Landlock::create());
  must(none.allow("/", Landlock::Access::kRead));
  CHECK(in_a_child([&] {
          if (!Landlock::enforce(none.fd())) return 1;
          ::execl("/bin/true", "true", nullptr);
          return errno == EACCES ? 0 : 2;
        }) == 0);
  Landlock all = must(Landlock::create());
  must(all.allow("/", Landlock::Access::kExecute));
  CHECK(in_a_child([&] {
          if (!Landlock::enforce(all.fd())) return 1;
          if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 2;
          ::execl("/bin/true", "true", nullptr);
          return 3;
        }) == 0);
}

TEST_CASE("what was open before stays open") {
  FCVM_SKIP_IF(Landlock::version() == 0, "this kernel has no Landlock");
  const TempDir dir = must(TempDir::create());
  must(write_file_atomic(dir.path() + "/file", "bytes"));
  const Fd open = must(open_file(dir.path() + "/file", O_RDONLY));
  Landlock landlock = must(Landlock::create());
  CHECK(in_a_child([&] {
          char byte = 0;
          return Landlock::enforce(landlock.fd()) && ::read(open.get(), &byte, 1) == 1 ? 0 : 1;
        }) == 0);
}

TEST_CASE("a path that is not there is an error that names it") {
  FCVM_SKIP_IF(Landlock::version() == 0, "this kernel has no Landlock");
  Landlock landlock = must(Landlock::create());
  const auto allowed = landlock.allow("/no/such/path", Landlock::Access::kRead);
  REQUIRE_FALSE(allowed);
  CHECK(allowed.error().code() == ENOENT);
  CHECK(allowed.error().message().find("/no/such/path") != std::string::npos);
}

}  // namespace
}  // namespace fcvm::base
