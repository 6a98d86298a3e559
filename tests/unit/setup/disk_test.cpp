#include "core/setup/disk.hpp"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {
namespace {

struct stat look(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("a writable disk is a sparse, sound ext4 file system") {
  const base::TempDir dir = must(base::TempDir::create());
  const std::string disk = dir.path() + "/disk";
  must(make_writable_disk(dir.path() + "/templates", disk, (1 << 30) + 1));
  CHECK(look(disk).st_size == (1 << 30) + (1 << 20));
  CHECK(look(disk).st_blocks * 512 < 1 << 20);
  CHECK(must(output_of({"sh", "-c", "PATH=$PATH:/sbin e2fsck -fn " + disk})).find("fcvm-disk") !=
        std::string::npos);
}

TEST_CASE("the second disk of a size is a copy that takes a moment") {
  const base::TempDir dir = must(base::TempDir::create());
  const std::string templates = dir.path() + "/templates";
  must(make_writable_disk(templates, dir.path() + "/first", 4ULL << 30));
  const auto began = std::chrono::steady_clock::now();
  must(make_writable_disk(templates, dir.path() + "/second", 4ULL << 30));
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(took < std::chrono::milliseconds(200));  // some, unless a sanitizer or a neighbour is at it
  CHECK(shell("cmp " + dir.path() + "/first " + dir.path() + "/second && echo same") == "same\n");
  const auto taken = make_writable_disk(templates, dir.path() + "/second", 4ULL << 30);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code() == EEXIST);
  CHECK(shell("ls -A " + templates) == "disk-4096M.ext4\n");
}

TEST_CASE("a copy keeps data and holes") {
  const base::TempDir dir = must(base::TempDir::create());
  const std::string from = dir.path() + "/from";
  const std::string to = dir.path() + "/to";
  const Fd file = must(base::open_file(from, O_RDWR | O_CREAT));
  REQUIRE(::ftruncate(file.get(), 300 << 20) == 0);
  REQUIRE(::pwrite(file.get(), "begin", 5, 0) == 5);
  REQUIRE(::pwrite(file.get(), "middle", 6, (100 << 20) + 4095) == 6);
  must(clone_file(from, to));
  CHECK(look(to).st_size == 300 << 20);
  CHECK(look(to).st_blocks * 512 < 1 << 20);
  CHECK(shell("cmp " + from + " " + to + " && echo same") == "same\n");
  CHECK_FALSE(clone_file(from, to));
  CHECK_FALSE(clone_file(dir.path() + "/none", dir.path() + "/other"));
  CHECK(::access((dir.path() + "/other").c_str(), F_OK) != 0);
}

TEST_CASE("looking for reflinks leaves nothing") {
  const base::TempDir dir = must(base::TempDir::create());
  static_cast<void>(must(can_reflink(dir.path())));
  CHECK(shell("ls -A " + dir.path()).empty());
}

}  // namespace fcvm::setup
