#include "core/plugin/jailer.hpp"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcvm/sdk/host.hpp>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/jail/jail_child.hpp"
#include "core/base/jail/jail_filter.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/plugin/ended_by.hpp"

namespace fcvm::plugin {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kSomebody = 3'000'000'007;
constexpr gid_t kReaders = 3'000'000'000;

/// In a process which may make no namespaces, whatever its privileges: as root where a container's
/// filter has something against them. The code that `body` returns.
int where_namespaces_are_refused(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    base::JailPlan plan{};
    plan.landlock = -1;
    plan.filter = base::jail_filter();
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);  // without it, only root may filter
    ::_exit(base::lock_jail(plan).done ? body() : 100);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A shell in a VM's directory, as VMMs are started.
struct Started {
  explicit Started(const std::string& script, int directory) : script_(script) {
    spec.program = arguments_[0];
    arguments_[2] = script_.c_str();
    spec.arguments = arguments_;
    spec.in_directory(directory);
  }
  ProcessSpec spec;

 private:
  const std::string script_;
  const char* arguments_[4] = {"/bin/sh", "-c", nullptr, nullptr};
};

JailSettings with_user() {
  JailSettings settings;
  settings.uid = kSomebody;
  settings.readers = kReaders;
  return settings;
}

uid_t owner_of(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
}

TEST_CASE("where namespaces are refused, root's VM runs as root and has its directory") {
  FCVM_SKIP_IF(::geteuid() != 0, "only root gives a VM a user of its own");
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  const std::string inner = dir->path() + "/vm", disk = dir->path() + "/disk";
  REQUIRE(base::make_directories(inner, 0700));
  REQUIRE(base::write_file_atomic(inner + "/config", "bytes", 0600));
  REQUIRE(base::write_file_atomic(disk, "bytes", 0600));
  const auto directory = base::open_file(inner, O_RDONLY | O_DIRECTORY);
  REQUIRE(directory);
  const int code = where_namespaces_are_refused([&] {
    ProcessKeeper keeper;
    Jailer jailer(keeper, with_user());
    VmFiles files;
    files.items.push_back({disk, disk, true});
    jailer.set_files(files);
    const Started started("cat config && echo x >made && echo x >" + disk, directory->get());
    // Twice: what the first one has put back must not be given away again.
    for (int i = 0; i < 2; ++i) {
      const auto handle = jailer.spawn("test", started.spec);
      if (!handle) return 2;
      const auto ended = ended_by(jailer, *handle, 10s);
      if (!ended || ended->exit_code != 0) return 3;
      jailer.release(*handle, 0ns);
    }
    return 0;
  });
  CHECK(code == 0);
  for (const auto& path : {inner, inner + "/config", inner + "/made", disk}) {
    CHECK(owner_of(path) == 0);
  }
}

TEST_CASE("a file that a VM reads is read by its user, and means to others what it did") {
  FCVM_SKIP_IF(::geteuid() != 0, "only root gives a VM a user of its own");
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  const std::string inner = dir->path() + "/vm", disk = dir->path() + "/disk";
  REQUIRE(base::make_directories(inner, 0700));
  REQUIRE(base::write_file_atomic(disk, "bytes", 0600));
  REQUIRE(::chown(disk.c_str(), 4242, 4243) == 0);
  REQUIRE(::chmod(disk.c_str(), 0660) == 0);
  const auto directory = base::open_file(inner, O_RDONLY | O_DIRECTORY);
  REQUIRE(directory);
  ProcessKeeper keeper;
  for (const uid_t user : {kSomebody, kSomebody + 1}) {
    JailSettings settings = with_user();
    settings.uid = user;
    Jailer jailer(keeper, settings);
    VmFiles files;
    files.items.push_back({disk, disk, false});
    jailer.set_files(files);
    const Started started("test $(cat " + disk + ") = bytes", directory->get());
    const auto handle = jailer.spawn("test", started.spec);
    FCVM_SKIP_IF(!handle && handle.error().code() == EOPNOTSUPP, "no ACLs in " + dir->path());
    REQUIRE(handle);
    const auto ended = ended_by(jailer, *handle, 10s);
    REQUIRE(ended);
    FCVM_SKIP_IF(ended->jailed < 3, "no namespaces here");
    CHECK(ended->exit_code == 0);
    jailer.release(*handle, 0ns);
  }
  struct stat status {};
  REQUIRE(::stat(disk.c_str(), &status) == 0);
  CHECK(status.st_uid == 4242);
  CHECK(status.st_gid == 4243);
  CHECK((status.st_mode & 07777) == 0660);
}

TEST_CASE("a jail less than jail.at-least wants is refused before anything runs in it") {
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  const auto directory = base::open_file(dir->path(), O_RDONLY | O_DIRECTORY);
  REQUIRE(directory);
  const int code = where_namespaces_are_refused([&] {
    ProcessKeeper keeper;
    JailSettings settings;
    settings.at_least = base::JailLevel::kNamespaces;
    Jailer jailer(keeper, settings);
    const auto handle = jailer.spawn("test", Started("echo x >made", directory->get()).spec);
    if (handle) return 2;
    return handle.error().message().find("jail.at-least") == std::string::npos ? 3 : 0;
  });
  CHECK(code == 0);
  CHECK(::access((dir->path() + "/made").c_str(), F_OK) != 0);
}

}  // namespace
}  // namespace fcvm::plugin
