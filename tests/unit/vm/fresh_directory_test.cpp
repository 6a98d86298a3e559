#include "core/vm/supervisor/fresh_directory.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

namespace fs = std::filesystem;

struct Directory {
  Directory() { fs::create_directories(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    return must(base::read_file((path / name).string()));
  }
  Scratch scratch;
  fs::path path = scratch.store.paths().vm("0123456789ab") / "vmm";
};

TEST_CASE("a directory is made anew around the files that are kept") {
  Directory directory;
  directory.write("disk.img", "written");
  directory.write("qemu.log", "old");
  must(fresh_directory(directory.path, {"disk.img", "image0.img"}));
  CHECK(directory.read("disk.img") == "written");
  CHECK_FALSE(fs::exists(directory.path / "qemu.log"));
  CHECK_FALSE(fs::exists(directory.path.string() + ".old"));
  must(fresh_directory(directory.path, {}));
  CHECK(fs::is_empty(directory.path));
}

TEST_CASE("one that is not there is made") {
  Directory directory;
  fs::remove(directory.path);
  must(fresh_directory(directory.path, {"disk.img"}));
  CHECK(fs::is_empty(directory.path));
}

TEST_CASE("a start that was killed in the middle of it goes on") {
  Directory directory;
  directory.write("disk.img", "moved already");
  fs::create_directories(directory.path.string() + ".old");
  std::ofstream(directory.path.string() + ".old/image0.img") << "not yet";
  must(fresh_directory(directory.path, {"disk.img", "image0.img"}));
  CHECK(directory.read("disk.img") == "moved already");
  CHECK(directory.read("image0.img") == "not yet");
}

TEST_CASE("what a VMM has put in a disk's place is not followed") {
  Directory directory;
  std::ofstream(directory.scratch.store.paths().data / "secret") << "secret";
  SECTION("a link is left behind") {
    fs::create_symlink(directory.scratch.store.paths().data / "secret",
                       directory.path / "disk.img");
    must(fresh_directory(directory.path, {"disk.img"}));
    CHECK(fs::is_empty(directory.path));
  }
  SECTION("another name of a file is refused") {
    fs::create_hard_link(directory.scratch.store.paths().data / "secret",
                         directory.path / "disk.img");
    CHECK(fresh_directory(directory.path, {"disk.img"}).error().code() == EPERM);
  }
  SECTION("so is what is no file") {
    REQUIRE(::mkfifo((directory.path / "disk.img").c_str(), 0600) == 0);
    CHECK(fresh_directory(directory.path, {"disk.img"}).error().code() == EPERM);
  }
  CHECK(must(base::read_file((directory.scratch.store.paths().data / "secret").string())) ==
        "secret");
}

}  // namespace
}  // namespace fcvm::vm
