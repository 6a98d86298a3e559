#include "core/tar/archive.hpp"
#include "tests/unit/tar/archives.hpp"

namespace fcvm::tar::tests {
namespace {

Entry only_entry(const std::string& archive, std::string* content = nullptr,
                 std::size_t piece = SIZE_MAX) {
  Reader reader(pieces_of(archive, piece));
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
  Entry written = file_entry("a/" + std::string(300, 'n') + "/\xc3\xa4", 700);
  written.mode = 06751;
  written.uid = 4'000'000'000U;
  written.gid = 3'000'000;
  written.mtime_s = 17'000'000'000;
  written.mtime_ns = 123'456'789;
  const std::string archive = archive_of({written});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{1} << 20}) {
    std::string content;
    const Entry read = only_entry(archive, &content, piece);
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
    Entry written = entry(Kind::kDirectory, "d");
    written.mtime_s = seconds;
    written.mtime_ns = nanoseconds;
    const Entry read = only_entry(archive_of({written}));
    CHECK(read.mtime_s == seconds);
    CHECK(read.mtime_ns == nanoseconds);
  }
}

TEST_CASE("long links, devices and directories survive") {
  const std::string far(250, 'l');
  CHECK(only_entry(archive_of({entry(Kind::kSymlink, "s", far)})).link == far);
  Entry device = entry(Kind::kBlockDevice, "b");
  device.device_major = 8;
  device.device_minor = 17;
  CHECK(only_entry(archive_of({device})).device_minor == 17);
  CHECK(only_entry(archive_of({entry(Kind::kDirectory, "d")})).name == "d");
}

TEST_CASE("a sparse file costs its data alone") {
  Entry written = file_entry("hole", 1ULL << 40);
  written.sparse = true;
  written.extents = {{4096, 8192}, {1ULL << 39, 100}, {1ULL << 40, 0}};
  const std::string archive = archive_of({written});
  CHECK(archive.size() < 16 << 10);
  Reader reader(pieces_of(archive, 100));
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

TEST_CASE("what is not a tar archive says so") {
  const auto error = [](const std::string& bytes) {
    Reader reader(pieces_of(bytes));
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
    Reader reader(pieces_of(part));
    auto found = reader.next();
    while (found && *found) found = reader.next();
    CHECK_FALSE(found);
  }
}

TEST_CASE("a reader passes over what nobody reads, and knows where the rest lies") {
  Archive made;
  made.add_file("first", std::string(1 << 20, 'x')).add_file("second", "content");
  const std::string archive = made.bytes();
  std::size_t at = 0;
  std::size_t read = 0;
  const auto source = [&](std::span<char> into) -> Result<std::size_t> {
    const std::size_t size = std::min({into.size(), archive.size() - at, std::size_t{4096}});
    std::memcpy(into.data(), archive.data() + at, size);
    at += size;
    read += size;
    return size;
  };
  const auto skip = [&](std::uint64_t size) -> Result<void> {
    if (size > archive.size() - at) return fail(EBADMSG, "too far");
    at += size;
    return {};
  };
  Reader reader(source, {.skip = skip, .needs_end_mark = true});
  REQUIRE(reader.next());
  const auto second = reader.next();
  REQUIRE(second);
  CHECK((*second)->name == "second");
  CHECK(archive.substr(reader.position(), (*second)->size) == "content");
  CHECK(read < 16 << 10);
  CHECK_FALSE(*reader.next());
}

TEST_CASE("the end mark may be missing where that is allowed, but nothing else") {
  const std::string whole = Archive().add_file("f", "content").bytes();
  const std::string unmarked = whole.substr(0, 1024);
  Reader strict(pieces_of(unmarked));
  REQUIRE(strict.next());
  CHECK_FALSE(strict.next());
  Reader lenient(pieces_of(unmarked), {.skip = {}, .needs_end_mark = false});
  REQUIRE(lenient.next());
  const auto end = lenient.next();
  REQUIRE(end);
  CHECK_FALSE(*end);
  const std::string cut = whole.substr(0, 600);
  Reader cut_short(pieces_of(cut), {.skip = {}, .needs_end_mark = false});
  REQUIRE(cut_short.next());
  CHECK_FALSE(cut_short.next());
}

}  // namespace
}  // namespace fcvm::tar::tests
