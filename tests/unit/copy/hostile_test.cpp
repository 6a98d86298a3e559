// Archives that a guest would send to harm its host.
#include <chrono>
#include <thread>

#include "core/copy/beneath.hpp"
#include "tests/unit/copy/tree.hpp"

namespace fcvm::copy {
namespace {

// A destination with something beside it that nothing may touch.
struct Target {
  Target() {
    tree.directory("to");
    tree.directory("outside");
    tree.file("outside/secret", "secret");
  }
  [[nodiscard]] bool untouched() const {
    return tree.text("outside/secret") == "secret" && !tree.exists("outside/new") &&
           !tree.exists("new") && (tree.status("outside").st_mode & 0777) == 0755;
  }
  Result<void> take(const std::vector<tar::Entry>& entries) const {
    return unpack_one(archive_of(entries), tree.path("to"), "d");
  }
  Tree tree;
};

constexpr auto kDirectory = tar::Kind::kDirectory;
constexpr auto kSymlink = tar::Kind::kSymlink;
constexpr auto kHardLink = tar::Kind::kHardLink;

TEST_CASE("no name leads out by its dots or its slash") {
  for (const char* name : {"d/../../outside/new", "d/..", "d/x/../../../new"}) {
    const Target target;
    CHECK(target.take({entry(kDirectory, "d"), file_entry(name, 3)}).error().code() == EPERM);
    CHECK(target.untouched());
  }
  const Target target;
  const std::string outside = target.tree.path("outside/new");
  CHECK_FALSE(target.take({entry(kDirectory, "d"), file_entry(outside, 3)}));
  CHECK(target.untouched());
  // In an archive of any names, an absolute one is beneath the destination, as in tar(1).
  REQUIRE(receive_all(pieces_of(archive_of({file_entry("/new", 3)})), target.tree.path("to"), {},
                      [](const std::string&) {})
              .has_value());
  CHECK(target.tree.text("to/new") == "xxx");
  CHECK(target.untouched());
}

TEST_CASE("no symbolic link is followed, be it old or from the archive itself") {
  const Target target;
  const std::string outside = target.tree.path("outside");
  const auto through = target.take(
      {entry(kDirectory, "d"), entry(kSymlink, "d/way", outside), file_entry("d/way/new", 3)});
  CHECK(through.error().code() == ELOOP);
  CHECK(target.untouched());
  // A file on top of a link replaces the link.
  const Target other;
  REQUIRE(other
              .take({entry(kDirectory, "d"),
                     entry(kSymlink, "d/way", other.tree.path("outside/secret")),
                     file_entry("d/way", 3)})
              .has_value());
  CHECK(other.tree.text("to/d/way") == "xxx");
  CHECK(other.untouched());
  // A link that was there before, to a directory.
  const Target before;
  before.tree.link(before.tree.path("outside"), "to/d");
  CHECK_FALSE(before.take({entry(kDirectory, "d"), file_entry("d/new", 3)}));
  CHECK(before.untouched());
  // A directory's mode, set late, does not go through a link that took its place.
  const Target late;
  tar::Entry open = entry(kDirectory, "d/x");
  open.mode = 0777;
  const auto swapped = late.take({entry(kDirectory, "d"), open, file_entry("d/y", 1),
                                  entry(kSymlink, "d/x", "../../outside")});
  CHECK_FALSE(swapped);
  CHECK(late.untouched());
}

TEST_CASE("no hard link takes hold of what is outside") {
  const Target target;
  for (const char* link : {"d/../../outside/secret", "/outside/secret", "../outside/secret"}) {
    CHECK_FALSE(target.take({entry(kDirectory, "d"), entry(kHardLink, "d/hold", link)}));
  }
  const auto through =
      target.take({entry(kDirectory, "d"), entry(kSymlink, "d/way", target.tree.path("outside")),
                   entry(kHardLink, "d/hold", "d/way/secret")});
  CHECK_FALSE(through);
  // One to a link holds the link, and what is written then replaces it.
  REQUIRE(target
              .take({entry(kDirectory, "d"),
                     entry(kSymlink, "d/soft", target.tree.path("outside/secret")),
                     entry(kHardLink, "d/hold", "d/soft"), file_entry("d/hold", 3)})
              .has_value());
  CHECK(target.untouched());
}

TEST_CASE("the sender has no say in what the copy is called, or whether it is contents") {
  const Target target;
  CHECK(target.take({entry(kDirectory, "."), file_entry("./.profile", 3)}).error().code() ==
        EBADMSG);
  CHECK_FALSE(target.take({file_entry("d", 3), file_entry("other", 3)}));
  CHECK_FALSE(target.tree.exists("to/other"));
  REQUIRE(target.take({file_entry(".profile", 3)}).has_value());
  CHECK_FALSE(target.tree.exists("to/.profile"));
  CHECK(target.tree.text("to/d") == "xxx");
  CHECK(target.untouched());
}

TEST_CASE("no hard link takes hold of a file that was there before") {
  const Target target;
  target.tree.directory("to/d");
  target.tree.file("to/d/config", "old");
  // The clock of files advances in ticks.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(target.take({entry(kDirectory, "d"), entry(kHardLink, "d/hold", "d/config")}));
  CHECK_FALSE(target.tree.exists("to/d/hold"));
  REQUIRE(target.take(
      {entry(kDirectory, "d"), file_entry("d/new", 3), entry(kHardLink, "d/hold", "d/new")}));
  CHECK(target.tree.status("to/d/hold").st_nlink == 2);
}

TEST_CASE("the umask holds against the modes of an archive") {
  const Target target;
  tar::Entry directory = entry(kDirectory, "d");
  directory.mode = 0777;
  tar::Entry file = file_entry("d/file", 3);
  file.mode = 0666;
  REQUIRE(unpack_one(archive_of({directory, file}), target.tree.path("to/d"), "d", {.umask = 027}));
  CHECK((target.tree.status("to/d").st_mode & 07777) == 0750);
  CHECK((target.tree.status("to/d/file").st_mode & 07777) == 0640);
}

TEST_CASE("no device, no FIFO and no set-id program is made on the host") {
  const Target target;
  tar::Entry device = entry(tar::Kind::kCharDevice, "d/null");
  device.device_major = 1;
  device.device_minor = 3;
  tar::Entry program = file_entry("d/program", 3);
  program.mode = 06755;
  program.uid = 4242;
  tar::Entry directory = entry(kDirectory, "d");
  directory.mode = 07777;
  REQUIRE(target.take({directory, device, entry(tar::Kind::kFifo, "d/fifo"), program}).has_value());
  CHECK_FALSE(target.tree.exists("to/d/null"));
  CHECK_FALSE(target.tree.exists("to/d/fifo"));
  CHECK((target.tree.status("to/d/program").st_mode & 07777) == 0755);
  CHECK(target.tree.status("to/d/program").st_uid == ::geteuid());
  CHECK((target.tree.status("to/d").st_mode & 07777) == 0777);
}

TEST_CASE("no size costs memory before its bytes have come") {
  const Target target;
  std::string archive = archive_of({file_entry("d", 0)});
  // A pax header of 8 GiB, and a sparse map of as many pieces as a number holds.
  tar::Entry huge = file_entry("d", 0);
  std::string header = encode_header(huge);
  const auto with_type = [&](char type, const std::string& size) {
    std::string block = header;
    block[156] = type;
    block.replace(124, 11, size);
    block.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    return block.replace(148, 7, text, 7);
  };
  for (const char type : {'x', 'g', 'L', 'K'}) {
    CHECK(unpack_one(with_type(type, "77777777777") + archive, target.tree.path("to"), "d")
              .error()
              .code() == EBADMSG);
  }
  tar::Entry sparse = file_entry("d", 1 << 20);
  sparse.sparse = true;
  sparse.extents = {{0, 10}};
  std::string map = archive_of({sparse});
  const auto at = map.find("1\n0\n10\n");
  REQUIRE(at != std::string::npos);
  map.replace(at, 7, "99999999999999999\n");
  CHECK(unpack_one(map, target.tree.path("to"), "d").error().code() == EBADMSG);
  // Pieces that overlap, or lie behind the end.
  for (const char* text :
       {"2\n0\n5\n3\n5\n", "1\n1048576\n10\n", "1\n18446744073709551615\n10\n"}) {
    std::string bad = archive_of({sparse});
    bad.replace(bad.find("1\n0\n10\n"), std::strlen(text), text);
    CHECK(unpack_one(bad, target.tree.path("to"), "d").error().code() == EBADMSG);
  }
}

TEST_CASE("names are made clean") {
  CHECK(*clean_name("/a//./b/") == "a/b");
  CHECK(clean_name(".")->empty());
  CHECK(clean_name("a/../b").error().code() == EPERM);
  CHECK(*clean_name("..a/b..") == "..a/b..");
}

}  // namespace
}  // namespace fcvm::copy
