#include "core/base/io/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/temp_dir.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

std::set<std::string> entries_of(const std::string& path) {
  std::set<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  REQUIRE(directory != nullptr);
  while (const dirent* entry = ::readdir(directory)) names.insert(entry->d_name);
  ::closedir(directory);
  names.erase(".");
  names.erase("..");
  return names;
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

TEST_CASE("an atomic write replaces the bytes and sets the mode") {
  TempDir dir = must(TempDir::create());
  const std::string path = dir.path() + "/state.json";
  must(write_file_atomic(path, "old"));
  const mode_t umask_before = ::umask(077);
  must(write_file_atomic(path, "new", 0664));
  ::umask(umask_before);
  CHECK(must(read_file(path)) == "new");
  CHECK(read_file(path, 2).error().code() == EFBIG);
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0664);
  CHECK(entries_of(dir.path()) == std::set<std::string>{"state.json"});
}

TEST_CASE("an atomic write that fails leaves the old file and nothing else") {
  TempDir dir = must(TempDir::create());
  SECTION("at the rename") {
    must(make_directories(dir.path() + "/taken/full"));
    CHECK_FALSE(write_file_atomic(dir.path() + "/taken", "bytes"));
    CHECK(entries_of(dir.path()) == std::set<std::string>{"taken"});
  }
  SECTION("amid the bytes, when the disk is full") {
    must(write_file_atomic(dir.path() + "/state", "old"));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{1024, before.rlim_max};
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto written = write_file_atomic(dir.path() + "/state", std::string(100'000, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(written);
    CHECK(written.error().code() == EFBIG);
    CHECK(must(read_file(dir.path() + "/state")) == "old");
    CHECK(entries_of(dir.path()) == std::set<std::string>{"state"});
  }
  SECTION("in a directory that is not there") {
    CHECK(write_file_atomic(dir.path() + "/no/state", "x").error().code() == ENOENT);
  }
}

TEST_CASE("directories are made down to the last, and made twice without complaint") {
  TempDir dir = must(TempDir::create());
  must(make_directories(dir.path() + "/a/b//c/"));
  must(make_directories(dir.path() + "/a/b/c"));
  CHECK(exists(dir.path() + "/a/b/c"));
  must(write_file_atomic(dir.path() + "/a/file", ""));
  CHECK(make_directories(dir.path() + "/a/file/d").error().code() == ENOTDIR);
}

TEST_CASE("remove_tree removes symlinks and not what they point to") {
  TempDir dir = must(TempDir::create());
  const std::string outside = dir.path() + "/outside";
  const std::string tree = dir.path() + "/tree";
  must(make_directories(outside));
  must(write_file_atomic(outside + "/precious", "x"));
  must(make_directories(tree + "/deep/er"));
  must(write_file_atomic(tree + "/deep/er/file", "x"));
  REQUIRE(::symlink(outside.c_str(), (tree + "/deep/link").c_str()) == 0);
  REQUIRE(::symlink(outside.c_str(), (dir.path() + "/toplink").c_str()) == 0);
  must(remove_tree(dir.path() + "/toplink/"));
  must(remove_tree(tree));
  CHECK(entries_of(dir.path()) == std::set<std::string>{"outside"});
  CHECK(entries_of(outside) == std::set<std::string>{"precious"});
  must(remove_tree(tree));
  CHECK(remove_tree(dir.path() + "/..").error().code() == EINVAL);
}

TEST_CASE("remove_tree stops at a mount", "[root]") {
  TempDir dir = must(TempDir::create());
  must(make_directories(dir.path() + "/outside"));
  must(write_file_atomic(dir.path() + "/outside/precious", "x"));
  must(make_directories(dir.path() + "/tree/mounted"));
  const std::string mounted = dir.path() + "/tree/mounted";
  const int made =
      ::mount((dir.path() + "/outside").c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr);
  FCVM_SKIP_IF(made != 0, "mounts, as root");
  const auto removed = remove_tree(dir.path() + "/tree");
  CHECK(::umount(mounted.c_str()) == 0);
  REQUIRE_FALSE(removed);
  CHECK(removed.error().code() == EXDEV);
  CHECK(exists(dir.path() + "/outside/precious"));
}

TEST_CASE("a lock keeps others out until the deadline") {
  TempDir dir = must(TempDir::create());
  const std::string path = dir.path() + "/lock";
  const auto soon = [] { return Deadline::in(std::chrono::milliseconds(30)); };
  {
    const FileLock held = must(FileLock::acquire(path, Deadline::never()));
    CHECK(FileLock::acquire(path, soon()).error().code() == ETIMEDOUT);
  }
  const FileLock shared = must(FileLock::acquire(path, soon(), FileLock::Mode::kShared));
  const FileLock also = must(FileLock::acquire(path, soon(), FileLock::Mode::kShared));
  CHECK(FileLock::acquire(path, soon()).error().code() == ETIMEDOUT);
}

}  // namespace
}  // namespace fcvm::base
