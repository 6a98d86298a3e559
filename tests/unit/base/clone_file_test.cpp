#include "core/base/io/clone_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

struct Files {
  TempDir directory = must(TempDir::create());
  Fd from = must(open_file(directory.path() + "/from", O_RDWR | O_CREAT | O_EXCL));
  Fd to = must(open_file(directory.path() + "/to", O_RDWR | O_CREAT | O_EXCL));
};

std::string contents(const Files& files) {
  return must(read_file(files.directory.path() + "/to", 64 << 20));
}

TEST_CASE("a copy has the size and the bytes of its original, and its holes") {
  Files files;
  constexpr off_t kSize = 24 << 20;
  REQUIRE(::ftruncate(files.from.get(), kSize) == 0);
  const std::string piece(100'000, 'x');
  REQUIRE(::pwrite(files.from.get(), piece.data(), piece.size(), 9 << 20) ==
          static_cast<ssize_t>(piece.size()));
  must(clone_file(files.from.get(), files.to.get()));
  const std::string copy = contents(files);
  REQUIRE(copy.size() == static_cast<std::size_t>(kSize));
  CHECK(copy.substr(9 << 20, piece.size()) == piece);
  CHECK(copy.find_first_not_of('\0') == std::size_t{9} << 20);
  struct stat status {};
  REQUIRE(::fstat(files.to.get(), &status) == 0);
  CHECK(status.st_blocks * 512 < 4 << 20);
}

TEST_CASE("whoever watches a copy may end it") {
  Files files;
  must(write_all(files.from.get(), std::string(9 << 20, 'y')));
  std::uint64_t last = 0;
  int calls = 0;
  const auto done = clone_file(files.from.get(), files.to.get(), [&](std::uint64_t copied) {
    CHECK(copied >= last);
    last = copied;
    return ++calls == 2 ? fail(ECANCELED, "canceled") : Result<void>();
  });
  // Where blocks are shared there is nothing to watch.
  if (calls == 0) {
    CHECK(contents(files).size() == std::size_t{9} << 20);
  } else {
    CHECK(done.error().code() == ECANCELED);
  }
}

TEST_CASE("a file that is laid over another hides it where it has something") {
  Files files;
  constexpr off_t kSize = 4 << 20;
  must(write_all(files.to.get(), std::string(kSize, 'b')));
  REQUIRE(::ftruncate(files.from.get(), kSize) == 0);
  for (const off_t at : {off_t{0}, off_t{2 << 20}}) {
    REQUIRE(::pwrite(files.from.get(), std::string(65536, at == 0 ? '\0' : 'd').data(), 65536,
                     at) == 65536);
  }
  must(lay_over(files.from.get(), files.to.get()));
  const std::string sum = contents(files);
  std::string expected(kSize, 'b');
  expected.replace(0, 65536, 65536, '\0');
  expected.replace(2 << 20, 65536, 65536, 'd');
  CHECK(sum == expected);
}

TEST_CASE("an empty file is copied, too") {
  Files files;
  must(clone_file(files.from.get(), files.to.get()));
  CHECK(contents(files).empty());
}

}  // namespace
}  // namespace fcvm::base
