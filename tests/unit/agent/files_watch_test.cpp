// agent/files: watching.
#include <algorithm>
#include <cstdio>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/files/content.hpp"
#include "agent/files/temporary.hpp"
#include "agent/files/tree.hpp"
#include "agent/files/watch.hpp"
#include "tests/unit/agent/files_fixture.hpp"

namespace fcvm::agent {
namespace {

using Kind = wire::FileEventKind;
using Told = std::vector<std::string>;

std::string word(const wire::FileEvent& event) {
  constexpr const char* kWords[] = {"none", "create", "write", "remove", "rename", "mode", "lost"};
  return std::string(kWords[static_cast<int>(event.kind)]) + " " + event.name;
}

struct Watched : Files {
  explicit Watched(bool recursive, std::size_t most = 100)
      : watch(must(Watch::open({directory.path(), recursive, true}, entries, answer, most))) {}

  /// Until something of that kind has been told.
  Told until(const std::string& last) {
    for (;;) {
      must(watch.tell_next());
      for (const auto& event : messages<wire::FileEvent>()) {
        all.push_back(word(event));
        events.push_back(event);
      }
      if (std::find(all.begin(), all.end(), last) != all.end()) return std::exchange(all, {});
    }
  }

  Watch watch;
  Told all;
  std::vector<wire::FileEvent> events;
};

void make(const std::string& path) {
  REQUIRE(must(base::open_file(path, O_WRONLY | O_CREAT | O_EXCL)).valid());
}

TEST_CASE("watch: what is made, changed, moved and removed is told by its name") {
  Watched box(false);
  make(box.at("a"));
  CHECK(box.until("create a") == Told{"create a"});
  must(base::write_all(must(base::open_file(box.at("a"), O_WRONLY)).get(), "x"));
  CHECK(box.until("write a") == Told{"write a"});
  REQUIRE(::chmod(box.at("a").c_str(), 0600) == 0);
  CHECK(box.until("mode a") == Told{"mode a"});
  REQUIRE(::rename(box.at("a").c_str(), box.at("b").c_str()) == 0);
  CHECK(box.until("create b") == Told{"rename a", "create b"});
  REQUIRE(::unlink(box.at("b").c_str()) == 0);
  CHECK(box.until("remove b") == Told{"remove b"});
  REQUIRE(box.events.front().entry);
  CHECK(box.events.front().entry->path == box.at("a"));
  CHECK_FALSE(box.events.back().entry);
}

TEST_CASE("watch: a file that is written by us is a write, whatever names it had meanwhile") {
  Watched box(false);
  const auto nothing = must(base::open_file("/dev/null", O_RDONLY));
  Files elsewhere;
  must(write_content(box.at("f"), nothing.get(), elsewhere.entries, elsewhere.answer));
  CHECK(box.until("write f") == Told{"create f", "write f"});
  must(write_content(box.at("f"), nothing.get(), elsewhere.entries, elsewhere.answer));
  CHECK(box.until("write f") == Told{"write f"});
}

TEST_CASE(
    "watch: of a tree, what lies in new directories is told, and what was moved away is not") {
  Watched box(true);
  must(make_directory(box.at("d")));
  CHECK(box.until("create d") == Told{"create d"});
  make(box.at("d/f"));
  CHECK(box.until("create d/f") == Told{"create d/f"});
  Files outside;
  REQUIRE(::rename(box.at("d").c_str(), outside.at("d").c_str()) == 0);
  CHECK(box.until("rename d") == Told{"rename d"});
  make(outside.at("d/unseen"));
  REQUIRE(::rename(outside.at("d").c_str(), box.at("e").c_str()) == 0);
  CHECK(box.until("create e") == Told{"create e"});
  make(box.at("e/g"));
  CHECK(box.until("create e/g") == Told{"create e/g"});
}

TEST_CASE("watch: what is still being written in a new directory is not told") {
  Watched box(true);
  REQUIRE(::mkdir(box.at("d").c_str(), 0755) == 0);
  auto temporary = must(Temporary::create(box.at("d"), false));
  make(box.at("d/other"));
  CHECK(box.until("create d/other") == Told{"create d", "create d/other"});
  must(temporary.become(box.at("d/f")));
  CHECK(box.until("write d/f") == Told{"create d/f", "write d/f"});
}

TEST_CASE("watch: what was written in a new directory before it was watched is told") {
  Watched box(true);
  box.put("d/f", "text");
  CHECK(box.until("write d/f") == Told{"create d", "create d/f", "write d/f"});
}

TEST_CASE("watch: without being asked, it does not look below") {
  Files files;
  files.put("d/old", "");
  auto watch =
      must(Watch::open({files.directory.path(), false, false}, files.entries, files.answer));
  make(files.at("d/new"));
  make(files.at("last"));
  must(watch.tell_next());
  const auto told = files.messages<wire::FileEvent>();
  REQUIRE_FALSE(told.empty());
  for (const auto& event : told) CHECK(event.name.find("new") == std::string::npos);
  CHECK(told.back().name == "last");
  CHECK_FALSE(told.back().entry);
}

TEST_CASE("watch: a tree has no more directories than are bounded") {
  Files files;
  files.put("a/b/c/f", "");
  const auto refused =
      Watch::open({files.directory.path(), true, false}, files.entries, files.answer, 3);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ENOSPC);
  Watched box(true, 2);
  must(make_directory(box.at("one")));
  CHECK(box.until("create one") == Told{"create one"});
  must(make_directory(box.at("two")));
  CHECK(box.until("lost two") == Told{"create two", "lost two"});
}

TEST_CASE("watch: it ends with its directory, and begins with no file") {
  Files files;
  files.put("f", "");
  must(make_directory(files.at("d")));
  auto watch = must(Watch::open({files.at("d"), true, false}, files.entries, files.answer));
  REQUIRE(::rmdir(files.at("d").c_str()) == 0);
  must(watch.follow());
  const auto open = [&](const std::string& name) {
    return Watch::open({files.at(name), false, false}, files.entries, files.answer);
  };
  CHECK(open("f").error().code() == ENOTDIR);
  CHECK(open("d").error().code() == ENOENT);
}

TEST_CASE("watch: temporary names are hidden, and only their own rename is a write") {
  WatchEvents events;
  const std::string temporary = std::string(Temporary::kForOld) + "abc";
  CHECK(events.kinds(IN_CREATE, 0, temporary).empty());
  CHECK(events.kinds(IN_MODIFY, 0, temporary).empty());
  CHECK(events.kinds(IN_MOVED_FROM, 7, temporary).empty());
  CHECK(events.kinds(IN_MOVED_TO, 8, "other") == std::vector<Kind>{Kind::kCreate});
  CHECK(events.kinds(IN_MOVED_TO, 7, "f") == std::vector<Kind>{Kind::kWrite});
  CHECK(events.kinds(IN_MOVED_TO, 7, "f") == std::vector<Kind>{Kind::kCreate});
  CHECK(events.kinds(IN_DELETE, 0, temporary).empty());
}

}  // namespace
}  // namespace fcvm::agent
