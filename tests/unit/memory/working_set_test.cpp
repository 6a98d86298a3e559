// Working sets in files.
#include "plugins/memory/common/working_set.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/must.hpp"

namespace fcvm::memory {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPages = 1000;

struct Place {
  base::TempDir directory = must(base::TempDir::create());
  Fd fd = must(base::open_file(directory.path(), O_RDONLY | O_DIRECTORY));
  std::string path = directory.path() + "/set";

  [[nodiscard]] int read(std::uint64_t memory = kPages * kPage, std::uint64_t page = kPage) const {
    const auto set = read_working_set(fd.get(), "set", memory, page);
    return set ? 0 : set.error().code();
  }
};

TEST_CASE("a working set comes back as it was written") {
  const Place place;
  PageSet set(kPages);
  for (const std::uint64_t page : {0, 7, 8, 9, 500, 999}) set.add(page);
  must(write_working_set(place.fd.get(), "set", set, kPage));
  const auto again = must(read_working_set(place.fd.get(), "set", kPages * kPage, kPage));
  CHECK(again.words() == set.words());
  CHECK(again.pages() == kPages);
  CHECK(write_working_set(place.fd.get(), "set", set, kPage).error().code() == EEXIST);
  struct stat status {};
  REQUIRE(::stat(place.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("a file that is no working set of this memory is refused") {
  const Place place;
  CHECK(place.read() == ENOENT);
  must(write_working_set(place.fd.get(), "set", PageSet(kPages), kPage));
  CHECK(place.read() == 0);
  CHECK(place.read((kPages + 1) * kPage) == EINVAL);
  CHECK(place.read((kPages + 100) * kPage) == EINVAL);
  CHECK(place.read(kPages * kPage, 2 * kPage) == EINVAL);
  const std::string whole = must(base::read_file(place.path));
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, whole.size() - 1}) {
    std::filesystem::resize_file(place.path, length);
    CHECK(place.read() == EINVAL);
  }
  std::ofstream(place.path) << whole << "x";
  CHECK(place.read() == EINVAL);
  std::string other = whole;
  other[17] ^= 1;  // the version
  std::ofstream(place.path) << other;
  CHECK(place.read() == EINVAL);
}

TEST_CASE("a bit too many is not of the memory") {
  const Place place;
  must(write_working_set(place.fd.get(), "set", PageSet(kPages), kPage));
  std::string text = must(base::read_file(place.path));
  text.back() = '\xff';
  std::ofstream(place.path) << text;
  CHECK(must(read_working_set(place.fd.get(), "set", kPages * kPage, kPage)).count() == 0);
}

}  // namespace
}  // namespace fcvm::memory
