#include <cstdlib>

#include "tests/unit/copy/tree.hpp"

namespace fcvm::copy {
namespace {

TarEntry only_entry(const std::string& archive, std::string* content = nullptr,
                    std::size_t piece = SIZE_MAX) {
  TarReader reader(pieces_of(archive, piece));
  auto found = reader.next();
  REQUIRE(found);
  REQUIRE(*found);
  if (content != nullptr) {
    content->assign((*found)->size, '\0');
    for (;;) {
      const auto got = reader.read();
      REQUIRE(got);
      if (got->bytes.empty()) break;
      REQUIRE(got->offset + got->bytes.size() <= content->size());
      content->replace(got->offset, got->bytes.size(), got->bytes);
    }
  }
  const auto end = reader.next();
  REQUIRE(end);
  CHECK_FALSE(*end);
  return **found;
}

TEST_CASE("everything that an entry says survives, however it is cut") {
  TarEntry written = file_entry("a/" + std::string(300, 'n') + "/\xc3\xa4", 700);
  written.mode = 06751;
  written.uid = 4'000'000'000U;
  written.gid = 3'000'000;
  written.mtime_s = 17'000'000'000;
  written.mtime_ns = 123'456'789;
  const std::string archive = archive_of({written});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{1} << 20}) {
    std::string content;
    const TarEntry read = only_entry(archive, &content, piece);
    CHECK(read.name == written.name);
    CHECK(read.mode == written.mode);
    CHECK(read.uid == written.uid);
    CHECK(read.gid == written.gid);
    CHECK(read.mtime_s == written.mtime_s);
    CHECK(read.mtime_ns == written.mtime_ns);
    CHECK(content == std::string(700, 'x'));
  }
}

TEST_CASE("times before 1970 survive") {
  for (const auto& [seconds, nanoseconds] :
       {std::pair<std::int64_t, std::uint32_t>{-1, 0}, {-1, 250'000'000}, {-5, 1}, {-7, 0}}) {
    TarEntry written = entry(TarKind::kDirectory, "d");
    written.mtime_s = seconds;
    written.mtime_ns = nanoseconds;
    const TarEntry read = only_entry(archive_of({written}));
    CHECK(read.mtime_s == seconds);
    CHECK(read.mtime_ns == nanoseconds);
  }
}

TEST_CASE("long links, devices and directories survive") {
  const std::string far(250, 'l');
  CHECK(only_entry(archive_of({entry(TarKind::kSymlink, "s", far)})).link == far);
  TarEntry device = entry(TarKind::kBlockDevice, "b");
  device.device_major = 8;
  device.device_minor = 17;
  CHECK(only_entry(archive_of({device})).device_minor == 17);
  CHECK(only_entry(archive_of({entry(TarKind::kDirectory, "d")})).name == "d");
}

TEST_CASE("a sparse file costs its data alone") {
  TarEntry written = file_entry("hole", 1ULL << 40);
  written.sparse = true;
  written.extents = {{4096, 8192}, {1ULL << 39, 100}, {1ULL << 40, 0}};
  const std::string archive = archive_of({written});
  CHECK(archive.size() < 16 << 10);
  TarReader reader(pieces_of(archive, 100));
  const auto read = reader.next();
  REQUIRE(read);
  CHECK((*read)->name == "hole");
  CHECK((*read)->size == 1ULL << 40);
  REQUIRE((*read)->extents.size() == 3);
  CHECK((*read)->extents[1].offset == 1ULL << 39);
  std::uint64_t data = 0;
  for (auto piece = reader.read(); piece && !piece->bytes.empty(); piece = reader.read()) {
    CHECK((piece->offset >= (1ULL << 39)) == (data >= 8192));
    data += piece->bytes.size();
  }
  CHECK(data == 8292);
  CHECK_FALSE(*reader.next());
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

TEST_CASE("what is no tar archive says so") {
  const auto error = [](const std::string& bytes) {
    TarReader reader(pieces_of(bytes));
    const auto found = reader.next();
    REQUIRE_FALSE(found);
    return found.error();
  };
  CHECK(error("").code() == EBADMSG);
  CHECK(error(std::string(100, 'x')).code() == EBADMSG);
  CHECK(error(std::string(2000, 'x')).code() == EBADMSG);
  const Error packed = error("\x1f\x8b" + std::string(600, 'x'));
  CHECK(packed.code() == ENOTSUP);
  CHECK(packed.remedy().find("gzip -dc") != std::string::npos);
  CHECK(error("\x1f\x8b small").code() == ENOTSUP);
  // Cut anywhere.
  const std::string archive = archive_of({file_entry("f", 3000)});
  for (std::size_t size = 0; size + 1024 < archive.size(); size += 100) {
    const std::string part = archive.substr(0, size);
    TarReader reader(pieces_of(part));
    auto found = reader.next();
    while (found && *found) found = reader.next();
    CHECK_FALSE(found);
  }
}

}  // namespace
}  // namespace fcvm::copy
