// agent/files: names and contents.
#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "agent/files/content.hpp"
#include "agent/files/path.hpp"
#include "agent/files/temporary.hpp"
#include "agent/files/tree.hpp"
#include "tests/support/skip.hpp"
#include "tests/unit/agent/files_fixture.hpp"

namespace fcvm::agent {
namespace {

/// What a host sends, to its end.
base::Fd input(const std::string& bytes) {
  auto pipe = must(base::Pipe::create());
  ::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, 1 << 20);
  must(base::write_all(pipe.write_end.get(), bytes));
  return std::move(pipe.read_end);
}

Result<void> write(Files& files, const std::string& name, const std::string& bytes) {
  return write_content(files.at(name), input(bytes).get(), files.entries, files.answer);
}

std::vector<std::string> names_of(const std::vector<wire::FileEntry>& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

TEST_CASE("files: relative paths begin at home, and dots are text") {
  CHECK(absolute_path("a/b", "/home/x") == "/home/x/a/b");
  CHECK(absolute_path("", "/home/x") == "/home/x");
  CHECK(absolute_path("~", "/home/x") == "/home/x");
  CHECK(absolute_path("~/a", "/home/x") == "/home/x/a");
  CHECK(absolute_path("~a", "/home/x") == "/home/x/~a");
  CHECK(absolute_path("a", "") == "/a");
  CHECK(absolute_path("/a//b/./c/", "/home/x") == "/a/b/c");
  CHECK(absolute_path("/a/../../../b", "/home/x") == "/b");
  CHECK(absolute_path("../..", "/home/x") == "/");
  CHECK(absolute_path("..", "/") == "/");
  CHECK(directory_of("/a") == "/");
  CHECK(directory_of("/a/b") == "/a");
  CHECK(last_name("/") == "/");
  CHECK(last_name("/a/b") == "b");
}

TEST_CASE("files: an entry tells what it is, and whose") {
  Files files;
  files.put("a", "12345");
  REQUIRE(::chmod(files.at("a").c_str(), 04751) == 0);
  REQUIRE(::symlink("nowhere", files.at("l").c_str()) == 0);
  const auto file = must(files.entries.look_at(files.at("a")));
  CHECK(file.name == "a");
  CHECK(file.path == files.at("a"));
  CHECK(file.kind == wire::FileKind::kFile);
  CHECK(file.size == 5);
  CHECK(file.mode == 04751);
  CHECK(file.uid == ::getuid());
  CHECK_FALSE(file.owner.empty());
  CHECK(file.modified_seconds > 1'600'000'000);
  const auto link = must(files.entries.look_at(files.at("l")));
  CHECK(link.kind == wire::FileKind::kLink);
  CHECK(link.link == "nowhere");
  CHECK(must(files.entries.look_at(files.directory.path())).kind == wire::FileKind::kDirectory);
  CHECK(files.entries.look_at(files.at("none")).error().code() == ENOENT);
}

TEST_CASE("files: a list goes as deep as asked, in order, and not through links") {
  Files files;
  files.put("b/in/deep", "");
  files.put("a", "");
  REQUIRE(::symlink(files.at("b").c_str(), files.at("c").c_str()) == 0);
  must(list_directory(files.directory.path(), 1, files.entries, files.answer));
  CHECK(names_of(files.messages<wire::FileEntry>()) == std::vector<std::string>{"a", "b", "c"});
  must(list_directory(files.directory.path(), 2, files.entries, files.answer));
  CHECK(names_of(files.messages<wire::FileEntry>()) ==
        std::vector<std::string>{"a", "b", "in", "c"});
  must(list_directory(files.at("c"), 9, files.entries, files.answer));
  const auto through = files.messages<wire::FileEntry>();
  REQUIRE(names_of(through) == std::vector<std::string>{"in", "deep"});
  CHECK(through[1].path == files.at("c/in/deep"));
  CHECK(list_directory(files.at("a"), 1, files.entries, files.answer).error().code() == ENOTDIR);
  CHECK(list_directory(files.at("x"), 1, files.entries, files.answer).error().code() == ENOENT);
}

TEST_CASE("files: directories are made, moved and removed, and what stands in the way is said") {
  Files files;
  must(make_directory(files.at("a/b")));
  CHECK(files.has("a/b"));
  CHECK(make_directory(files.at("a/b")).error().code() == EEXIST);
  files.put("f", "");
  CHECK(make_directory(files.at("f")).error().code() == ENOTDIR);
  CHECK(make_directory(files.at("f/g")).error().code() == ENOTDIR);
  must(move_file(files.at("a"), files.at("new/place")));
  CHECK(files.has("new/place/b"));
  CHECK_FALSE(files.has("a"));
  CHECK(move_file(files.at("a"), files.at("z")).error().code() == ENOENT);
  must(remove_file(files.at("new")));
  CHECK_FALSE(files.has("new"));
  CHECK(remove_file(files.at("new")).error().code() == ENOENT);
  CHECK(remove_file("/").error().code() == EINVAL);
}

TEST_CASE("files: removing a link leaves what it leads to") {
  Files files;
  files.put("d/kept", "");
  REQUIRE(::symlink(files.at("d").c_str(), files.at("l").c_str()) == 0);
  must(remove_file(files.at("l")));
  CHECK(files.has("d/kept"));
}

TEST_CASE("files: a file is read after its entry, byte by byte as it is") {
  Files files;
  const std::string bytes("\0a\n\xff", 4);
  files.put("f", bytes);
  must(read_content(files.at("f"), files.entries, files.answer));
  wire::FrameBuffer answer(wire::kMaxFileAnswer);
  answer.append(files.answered());
  const auto frame = must(answer.next());
  REQUIRE(frame);
  CHECK(must(wire::decode<wire::FileEntry>(*frame)).size == 4);
  CHECK(answer.take_rest() == bytes);
}

TEST_CASE("files: what is no regular file is not read, and nobody waits for it") {
  Files files;
  REQUIRE(::mkfifo(files.at("pipe").c_str(), 0600) == 0);
  CHECK(read_content(files.at("pipe"), files.entries, files.answer).error().code() == EINVAL);
  CHECK(read_content("/dev/zero", files.entries, files.answer).error().code() == EINVAL);
  CHECK(read_content(files.directory.path(), files.entries, files.answer).error().code() == EISDIR);
  CHECK(read_content(files.at("none"), files.entries, files.answer).error().code() == ENOENT);
  CHECK(write(files, "pipe", "x").error().code() == EINVAL);
  CHECK(write_content("/dev/null", input("").get(), files.entries, files.answer).error().code() ==
        EINVAL);
  CHECK(files.answered().empty());
}

TEST_CASE("files: a new file has its directories made, and nothing lies beside it") {
  Files files;
  must(write(files, "a/b/f", "text"));
  CHECK(files.text_of("a/b/f") == "text");
  CHECK(mode_of(files.at("a/b/f")) == 0644);
  const auto told = files.messages<wire::FileEntry>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].size == 4);
  CHECK(must(names_in_directory(files.at("a/b"))) == std::vector<std::string>{"f"});
  CHECK(write(files, "a/b", "x").error().code() == EISDIR);
  CHECK(write(files, "a/b/f/g", "x").error().code() == ENOTDIR);
}

TEST_CASE("files: a file that is there keeps its permissions, and readers see old or new") {
  Files files;
  files.put("f", "old");
  REQUIRE(::chmod(files.at("f").c_str(), 0755) == 0);
  const auto reader = must(base::open_file(files.at("f"), O_RDONLY));
  must(write(files, "f", "new"));
  CHECK(files.text_of("f") == "new");
  CHECK(mode_of(files.at("f")) == 0755);
  CHECK(must(base::read_all(reader.get(), 100)) == "old");
}

TEST_CASE("files: writing goes where a link leads, and a link to nothing is said") {
  Files files;
  files.put("d/f", "old");
  REQUIRE(::symlink("d/f", files.at("l").c_str()) == 0);
  must(write(files, "l", "new"));
  CHECK(files.text_of("d/f") == "new");
  CHECK(must(files.entries.look_at(files.at("l"))).kind == wire::FileKind::kLink);
  REQUIRE(::symlink("none", files.at("dangling").c_str()) == 0);
  CHECK(write(files, "dangling", "x").error().code() == ENOENT);
}

/// Root may write everywhere, and so is somebody else meanwhile.
struct NoRoot {
  NoRoot() { REQUIRE((was_root ? ::seteuid(kNobody) : 0) == 0); }
  NoRoot(const NoRoot&) = delete;
  NoRoot& operator=(const NoRoot&) = delete;
  ~NoRoot() {
    if (was_root) static_cast<void>(!::seteuid(0));
  }
  static constexpr uid_t kNobody = 65534;
  const bool was_root = ::geteuid() == 0;
};

TEST_CASE("files: where no file can be made, one that is there is written in place") {
  Files files;
  files.put("d/f", "old text");
  files.put("d/closed", "");
  REQUIRE(::chmod(files.directory.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(files.at("d/f").c_str(), 0666) == 0);
  REQUIRE(::chmod(files.at("d/closed").c_str(), 0444) == 0);
  REQUIRE(::chmod(files.at("d").c_str(), 0555) == 0);
  {
    const NoRoot nobody;
    must(write(files, "d/f", "new"));
    CHECK(write(files, "d/closed", "x").error().code() == EACCES);
    CHECK(write(files, "d/other", "x").error().code() == EACCES);
  }
  CHECK(files.text_of("d/f") == "new");
  REQUIRE(::chmod(files.at("d").c_str(), 0755) == 0);
}

TEST_CASE("files: what the directory lets nobody replace is written in place") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs a file of another user");
  Files files;
  files.put("d/f", "old text");
  REQUIRE(::chmod(files.directory.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(files.at("d").c_str(), 01777) == 0);
  REQUIRE(::chmod(files.at("d/f").c_str(), 0666) == 0);
  {
    const NoRoot nobody;
    must(write(files, "d/f", "new"));
  }
  CHECK(files.text_of("d/f") == "new");
  CHECK(must(names_in_directory(files.at("d"))) == std::vector<std::string>{"f"});
}

TEST_CASE("files: a writer that is hung up leaves all as it was") {
  Files files;
  files.put("f", "old");
  const auto pipe = must(base::Pipe::create());
  const pid_t writer = ::fork();
  if (writer == 0) {
    static_cast<void>(
        write_content(files.at("f"), pipe.read_end.get(), files.entries, files.answer));
    ::_exit(0);
  }
  must(base::write_all(pipe.write_end.get(), "half of it"));
  const auto count = [&] { return must(names_in_directory(files.directory.path())).size(); };
  while (count() < 2) std::this_thread::yield();
  REQUIRE(::kill(writer, SIGHUP) == 0);
  int status = 0;
  REQUIRE(::waitpid(writer, &status, 0) == writer);
  CHECK(count() == 1);
  CHECK(files.text_of("f") == "old");
}

}  // namespace
}  // namespace fcvm::agent
