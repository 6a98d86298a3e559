#include "agent/container/fast/sqlite_file.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/agent/podman_database.hpp"

namespace fcvm::agent {
namespace {

std::string text_of(const SqliteFile& file, const std::string& table, std::size_t column) {
  const auto row = file.row(table);
  REQUIRE(row);
  REQUIRE(row->size() > column);
  return (*row)[column].bytes;
}

SqliteFile replaced(const SqliteFile& file, const std::string& json) {
  auto changed = file;
  auto row = *changed.row("ContainerConfig");
  row[1].set("a-name-that-is-so-long-that-its-length-takes-two-bytes-in-the-record");
  row[3].set(json);
  REQUIRE(changed.replace("ContainerConfig", row));
  // What is read back is what SQLite would read.
  auto again = SqliteFile::open(changed.bytes());
  REQUIRE(again);
  return *again;
}

TEST_CASE("rows of a database that SQLite wrote are read, over several pages") {
  const auto file = SqliteFile::open(podman_database());
  REQUIRE(file);
  CHECK(text_of(*file, "IDNamespace", 0) == "0123");
  CHECK(text_of(*file, "ContainerConfig", 1) == "old");
  CHECK(text_of(*file, "ContainerConfig", 3) == "{\"a\":\"" + std::string(1100, 'x') + "\"}");
  CHECK(text_of(*file, "ContainerState", 3) == "{\"state\":1}");
  CHECK(text_of(*file, "sqlite_autoindex_ContainerConfig_2", 0) == "old");
  CHECK_FALSE(file->row("NoSuchTable"));
}

TEST_CASE("a row is replaced by one of any size, and the others stay") {
  const auto file = SqliteFile::open(podman_database());
  REQUIRE(file);
  const std::size_t size = GENERATE(0U, 100U, 1100U, 1101U, 1600U, 5000U);
  const std::string json = "{\"b\":\"" + std::string(size, 'y') + "\"}";
  const auto changed = replaced(*file, json);
  // Blanks keep a shorter one on as many pages.
  const std::string read = text_of(changed, "ContainerConfig", 3);
  CHECK(read.starts_with(json));
  CHECK(read.find_first_not_of(' ', json.size()) == std::string::npos);
  CHECK(text_of(changed, "ContainerConfig", 0) == "0123");
  CHECK(text_of(changed, "ContainerState", 3) == "{\"state\":1}");
  CHECK(changed.bytes().size() % 512 == 0);
  CHECK(changed.bytes().size() >= file->bytes().size());
}

TEST_CASE("an index gets another key") {
  auto file = *SqliteFile::open(podman_database());
  auto row = *file.row("sqlite_autoindex_ContainerConfig_2");
  row[0].set("new");
  REQUIRE(file.replace("sqlite_autoindex_ContainerConfig_2", row));
  CHECK(text_of(*SqliteFile::open(file.bytes()), "sqlite_autoindex_ContainerConfig_2", 0) == "new");
}

TEST_CASE("what is not understood is refused") {
  const std::string good = podman_database();
  CHECK_FALSE(SqliteFile::open(""));
  CHECK_FALSE(SqliteFile::open(std::string(4096, 'x')));
  CHECK_FALSE(SqliteFile::open(good.substr(0, good.size() - 1)));
  const auto with = [&](std::size_t at, char byte) {
    std::string bytes = good;
    bytes[at] = byte;
    return SqliteFile::open(bytes);
  };
  CHECK_FALSE(with(18, 2));   // written with a log ahead
  CHECK_FALSE(with(55, 1));   // vacuums itself, and so has maps of its pages
  CHECK_FALSE(with(59, 2));   // UTF-16
  CHECK_FALSE(with(27, 99));  // changed by somebody who did not say how many pages there are
}

TEST_CASE("no damaged file leads anywhere") {
  const std::string good = podman_database();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      std::string bytes = good;
      bytes[at] = byte;
      const auto file = SqliteFile::open(bytes);
      if (!file) continue;
      for (const char* table : {"ContainerConfig", "ContainerState", "IDNamespace"}) {
        auto row = file->row(table);
        auto copy = *file;
        if (row) static_cast<void>(copy.replace(table, *row));
      }
    }
  }
}

}  // namespace
}  // namespace fcvm::agent
