#include "core/base/io/rotating_file.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/resource.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

struct Place {
  TempDir directory = must(TempDir::create());
  Fd fd = must(open_file(directory.path(), O_PATH | O_DIRECTORY));

  [[nodiscard]] std::string content(const std::string& name) const {
    return must(read_file(directory.path() + "/" + name));
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(directory.path() + "/" + name);
  }
};

TEST_CASE("a full file becomes a part, and the oldest part goes") {
  Place place;
  auto file = must(RotatingFile::open(place.fd.get(), "log", {.max_size = 4, .max_files = 3}));
  for (const char* word : {"aaa", "bbb", "ccc", "ddd", "e"}) must(file.append(word));
  CHECK(place.content("log") == "ddde");
  CHECK(place.content("log.3") == "ccc");
  CHECK(place.content("log.2") == "bbb");
  CHECK_FALSE(place.has("log.1"));
  CHECK(must(parts_of(place.fd.get(), "log")) == std::vector<std::uint64_t>{2, 3});
  CHECK(last_bytes_of(place.fd.get(), "log", 6) == "ccddde");
  CHECK(last_bytes_of(place.fd.get(), "log", 2) == "de");
  CHECK(last_bytes_of(place.fd.get(), "none", 2).empty());
}

TEST_CASE("what is there is gone on with, its numbers too") {
  Place place;
  for (const char* word : {"aaa", "bbb", "ccc", "ddd"}) {
    auto file = must(RotatingFile::open(place.fd.get(), "log", {.max_size = 4, .max_files = 2}));
    must(file.append(word));
  }
  CHECK(place.content("log") == "ddd");
  CHECK(must(parts_of(place.fd.get(), "log")) == std::vector<std::uint64_t>{3});
}

TEST_CASE("a file that could not be made when it was due is made later") {
  for (const unsigned files : {1U, 3U}) {
    Place place;
    auto file =
        must(RotatingFile::open(place.fd.get(), "log", {.max_size = 4, .max_files = files}));
    must(file.append("aaa"));
    rlimit usual{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
    const rlimit none{0, usual.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto first = file.append("bbb");
    const auto second = file.append("ccc");
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
    CHECK_FALSE(first);
    CHECK_FALSE(second);
    must(file.append("ddd"));
    CHECK(place.content("log") == "ddd");
    CHECK(place.has("log.1") == (files > 1));
    CHECK_FALSE(place.has("log.2"));
  }
}

TEST_CASE("one file alone begins anew") {
  Place place;
  auto file = must(RotatingFile::open(place.fd.get(), "log", {.max_size = 4, .max_files = 1}));
  for (const char* word : {"aaa", "bbb"}) must(file.append(word));
  CHECK(place.content("log") == "bbb");
  CHECK(must(parts_of(place.fd.get(), "log")).empty());
}

}  // namespace
}  // namespace fcvm::base
