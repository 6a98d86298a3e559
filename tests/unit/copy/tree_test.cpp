#include "tests/unit/copy/tree.hpp"

#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/io/unix_socket.hpp"

namespace fcvm::copy {
namespace {

TEST_CASE("a tree arrives as it was: modes, times, links, holes") {
  const Tree tree;
  tree.directory("from/closed");
  tree.file("from/closed/inner", "inner", 0600);
  tree.file("from/plain", "plain", 0751);
  tree.link("../away", "from/link");
  REQUIRE(::link(tree.path("from/plain").c_str(), tree.path("from/twin").c_str()) == 0);
  REQUIRE(::mkfifo(tree.path("from/fifo").c_str(), 0640) == 0);
  tree.file("from/sparse", "begin");
  REQUIRE(::truncate(tree.path("from/sparse").c_str(), 8 << 20) == 0);
  const timespec times[2] = {{1, 0}, {1'234'567'890, 987'654'321}};
  REQUIRE(::utimensat(AT_FDCWD, tree.path("from/plain").c_str(), times, 0) == 0);
  REQUIRE(::chmod(tree.path("from/closed").c_str(), 0500) == 0);
  REQUIRE(::utimensat(AT_FDCWD, tree.path("from/closed").c_str(), times, 0) == 0);
  const std::string archive = packed(tree.path("from"), "from");
  CHECK(archive.size() < 100'000);
  REQUIRE(unpack_one(archive, tree.path("to"), "from", {.trusted = true}).has_value());
  CHECK(tree.text("to/closed/inner") == "inner");
  CHECK((tree.status("to/closed/inner").st_mode & 07777) == 0600);
  CHECK((tree.status("to/closed").st_mode & 07777) == 0500);
  CHECK(tree.status("to/closed").st_mtim.tv_sec == 1'234'567'890);
  CHECK((tree.status("to/plain").st_mode & 07777) == 0751);
  CHECK(tree.status("to/plain").st_mtim.tv_nsec == 987'654'321);
  CHECK(tree.status("to/plain").st_ino == tree.status("to/twin").st_ino);
  CHECK(S_ISLNK(tree.status("to/link").st_mode));
  CHECK(S_ISFIFO(tree.status("to/fifo").st_mode));
  CHECK(tree.status("to/sparse").st_size == 8 << 20);
  CHECK(tree.status("to/sparse").st_blocks < 1000);
  CHECK(tree.text("to/sparse").substr(0, 6) == std::string("begin\0", 6));
}

TEST_CASE("a file that is replaced is a new one, and others that link to it keep the old") {
  const Tree tree;
  tree.file("new", "new");
  tree.file("old", "old");
  REQUIRE(::link(tree.path("old").c_str(), tree.path("other").c_str()) == 0);
  REQUIRE(unpack_one(packed(tree.path("new"), "new"), tree.path("old"), "new").has_value());
  CHECK(tree.text("old") == "new");
  CHECK(tree.text("other") == "old");
}

TEST_CASE("a directory that was there keeps its mode and its other files") {
  const Tree tree;
  tree.directory("d");
  tree.file("d/a", "new");
  tree.directory("to/d");
  tree.file("to/d/b", "stays");
  REQUIRE(::chmod(tree.path("d").c_str(), 0700) == 0);
  REQUIRE(::chmod(tree.path("to/d").c_str(), 0755) == 0);
  REQUIRE(unpack_one(packed(tree.path("d"), "d"), tree.path("to"), "d").has_value());
  CHECK((tree.status("to/d").st_mode & 07777) == 0755);
  CHECK(tree.text("to/d/a") == "new");
  CHECK(tree.text("to/d/b") == "stays");
}

TEST_CASE("a directory and a file give way to each other with --overwrite only") {
  const Tree tree;
  tree.directory("d/x");
  tree.file("d/x/inner", "inner");
  tree.directory("f");
  tree.file("f/x", "file");
  tree.directory("to");
  UnpackRules overwrite;
  overwrite.overwrite = true;
  REQUIRE(unpack_one(packed(tree.path("f"), "."), tree.path("to"), ".").has_value());
  const auto refused = unpack_one(packed(tree.path("d"), "."), tree.path("to"), ".");
  CHECK(refused.error().code() == EEXIST);
  CHECK(refused.error().remedy().find("--overwrite") != std::string::npos);
  REQUIRE(unpack_one(packed(tree.path("d"), "."), tree.path("to"), ".", overwrite).has_value());
  CHECK(tree.text("to/x/inner") == "inner");
  CHECK(unpack_one(packed(tree.path("f"), "."), tree.path("to"), ".").error().code() == EISDIR);
  REQUIRE(unpack_one(packed(tree.path("f"), "."), tree.path("to"), ".", overwrite).has_value());
  CHECK(tree.text("to/x") == "file");
}

TEST_CASE("a socket is left out, and said; a link that is named is followed") {
  const Tree tree;
  tree.directory("d");
  tree.file("d/real", "text");
  const auto listener = base::listen_unix(tree.path("d/socket"));
  REQUIRE(listener);
  tree.link("d", "named");
  std::vector<std::string> warnings;
  const std::string archive = packed(tree.path("named"), "named", &warnings);
  CHECK(warnings == std::vector<std::string>{"named/socket is a socket, and left out"});
  tree.directory("to");
  REQUIRE(unpack_one(archive, tree.path("to"), "named").has_value());
  CHECK(tree.text("to/named/real") == "text");
}

TEST_CASE("what the kernel makes up while it is read has the size that was read") {
  const Tree tree;
  REQUIRE(unpack_one(packed("/proc/version", "version"), tree.path("v"), "version").has_value());
  CHECK(tree.text("v").substr(0, 6) == "Linux ");
  CHECK(tree.text("v").back() == '\n');
}

TEST_CASE("what cannot be packed says why") {
  const Tree tree;
  tree.file("f", "x");
  tar::Writer nowhere([](std::string_view) -> Result<void> { return {}; });
  const auto error = [&](const std::string& path, const std::string& name) {
    return pack(path, name, nowhere, [](const std::string&) {}).error().code();
  };
  CHECK(error(tree.path("none"), "none") == ENOENT);
  CHECK(error(tree.path("f/."), ".") == ENOTDIR);
  REQUIRE(::mkfifo(tree.path("fifo").c_str(), 0600) == 0);
  CHECK(error(tree.path("fifo"), "fifo") == EINVAL);
}

// What tar(1) writes in any of its formats is read, and what we write it reads.
TEST_CASE("tar(1) and we understand each other") {
  const Tree tree;
  tree.directory("from/sub");
  tree.file("from/" + std::string(180, 'f'), "long");
  tree.file("from/sub/set", "id", 04755);
  tree.link(std::string(150, 't'), "from/sub/link");
  tree.file("from/holes", "");
  REQUIRE(::truncate(tree.path("from/holes").c_str(), 8 << 20) == 0);
  const base::Fd holes = *base::open_file(tree.path("from/holes"), O_WRONLY);
  for (int i = 0; i < 30; ++i) REQUIRE(::pwrite(holes.get(), "data", 4, i * 262'144) == 4);
  const auto command = [&](const std::string& text) {
    return std::system(("cd " + tree.path() + " && " + text).c_str());
  };
  for (const char* format : {"gnu", "posix", "gnu --sparse", "posix --sparse", "oldgnu --sparse"}) {
    INFO(format);
    REQUIRE(command("tar --format=" + std::string(format) + " -cf made.tar from") == 0);
    tree.directory("to");
    const std::string archive = tree.text("made.tar");
    UnpackRules rules;
    rules.trusted = true;
    REQUIRE(receive_all(pieces_of(archive, 10'007), tree.path("to"), rules, [](const std::string&) {
            }).has_value());
    CHECK(command("diff -r --no-dereference from to/from") == 0);
    CHECK((tree.status("to/from/sub/set").st_mode & 07777) == 04755);
    REQUIRE(command("rm -r to") == 0);
  }
  tree.file("ours.tar", packed(tree.path("from"), "from"));
  tree.directory("to");
  REQUIRE(command("tar -C to -xpf ours.tar") == 0);
  CHECK(command("diff -r --no-dereference from to/from") == 0);
  CHECK((tree.status("to/from/sub/set").st_mode & 07777) == 04755);
  CHECK(tree.status("ours.tar").st_size < 1 << 20);
  CHECK(tree.status("to/from/holes").st_mtim.tv_nsec == tree.status("from/holes").st_mtim.tv_nsec);
}

}  // namespace
}  // namespace fcvm::copy
