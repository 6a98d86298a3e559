#include "core/base/io/file_acl.hpp"

#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::base {
namespace {

constexpr gid_t kReaders = 3'000'000'000;
constexpr uid_t kSomebody = 3'000'000'007;

/// As a user who is in no group but that one.
bool may_open(const std::string& path, int flags, gid_t group) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool became =
        ::setgroups(1, &group) == 0 && ::setgid(kSomebody) == 0 && ::setuid(kSomebody) == 0;
    ::_exit(became && ::open(path.c_str(), flags) >= 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

TEST_CASE("one more group reads a file, and nobody else gets or loses anything") {
  FCVM_SKIP_IF(::geteuid() != 0, "only root becomes somebody else");
  const TempDir dir = must(TempDir::create());
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  const std::string path = dir.path() + "/file";
  must(write_file_atomic(path, "bytes", 0600));
  REQUIRE(::chown(path.c_str(), 0, 4243) == 0);
  REQUIRE(::chmod(path.c_str(), 0660) == 0);
  const Fd file = must(open_file(path, O_PATH));
  const auto let = let_group_read(file.get(), kReaders);
  FCVM_SKIP_IF(!let && let.error().code() == EOPNOTSUPP, "no ACLs in " + dir.path());
  must(let);
  must(let_group_read(file.get(), kReaders));
  CHECK(may_open(path, O_RDONLY, kReaders));
  CHECK_FALSE(may_open(path, O_WRONLY, kReaders));
  CHECK(may_open(path, O_RDWR, 4243));
  CHECK_FALSE(may_open(path, O_RDONLY, 4244));
  // With an ACL, this is what all groups have at most.
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  CHECK_FALSE(may_open(path, O_RDONLY, kReaders));
  must(let_group_read(file.get(), kReaders));
  CHECK(may_open(path, O_RDONLY, kReaders));
  CHECK_FALSE(may_open(path, O_RDONLY, 4243));
  CHECK(mode_of(path) == 0640);
}

}  // namespace
}  // namespace fcvm::base
