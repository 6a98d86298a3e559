// What the pages of a snapshot's memory are, layer over layer.
#include "plugins/memory/uffd/page_source.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/must.hpp"

namespace fcvm::memory {
namespace {

using test::Contains;

constexpr std::uint64_t kSmall = 4096;
constexpr std::uint64_t kHuge = 2 << 20;

struct Snapshot {
  base::TempDir directory = must(base::TempDir::create());
  Fd fd = must(base::open_file(directory.path(), O_RDONLY | O_DIRECTORY));

  [[nodiscard]] std::string path(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  void make(const std::string& name, std::uint64_t size) const {
    const Fd file = must(base::open_file(path(name), O_WRONLY | O_CREAT));
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(size)) == 0);
  }
  void fill(const std::string& name, std::uint64_t offset, std::uint64_t size, char letter) const {
    const Fd file = must(base::open_file(path(name), O_WRONLY));
    const std::string bytes(size, letter);
    REQUIRE(::pwrite(file.get(), bytes.data(), size, static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(size));
  }
  [[nodiscard]] Result<PageSource> open(const std::vector<const char*>& names, std::uint64_t memory,
                                        std::uint64_t page) const {
    std::vector<fcvm_memory_layer> layers;
    for (const char* name : names) {
      layers.push_back(sized<fcvm_memory_layer>());
      layers.back().directory_fd = fd.get();
      layers.back().path = name;
    }
    std::vector<const fcvm_memory_layer*> pointers;
    for (const auto& layer : layers) pointers.push_back(&layer);
    auto request = sized<fcvm_memory_request>();
    request.layers = pointers.data();
    request.layer_count = static_cast<std::uint32_t>(pointers.size());
    request.memory_bytes = memory;
    request.page_bytes = page;
    return PageSource::open(request);
  }
};

TEST_CASE("a stretch is of one layer, or of none, and no longer than asked") {
  const Snapshot snapshot;
  for (const char* name : {"base", "diff"}) snapshot.make(name, 16 * kSmall);
  snapshot.fill("base", 0, 8 * kSmall, 'b');
  snapshot.fill("diff", 4 * kSmall, 2 * kSmall, 'd');
  const auto source = must(snapshot.open({"base", "diff"}, 16 * kSmall, kSmall));
  CHECK(source.pages() == 16);
  std::vector<char> scratch(kSmall);
  const auto stretch = [&](std::uint64_t first, std::uint64_t most) {
    const auto found = must(source.at(first, most, scratch));
    return std::pair(found.pages, found.bytes == nullptr ? '0' : *found.bytes);
  };
  CHECK(stretch(0, 16) == std::pair(std::uint64_t{4}, 'b'));
  CHECK(stretch(1, 2) == std::pair(std::uint64_t{2}, 'b'));
  CHECK(stretch(4, 16) == std::pair(std::uint64_t{2}, 'd'));
  CHECK(stretch(6, 16) == std::pair(std::uint64_t{2}, 'b'));
  CHECK(stretch(8, 16) == std::pair(std::uint64_t{8}, '0'));
  CHECK(source.alike(0, 4));
  CHECK_FALSE(source.alike(0, 8));
}

TEST_CASE("a huge page may be of several layers") {
  const Snapshot snapshot;
  for (const char* name : {"base", "diff", "last"}) snapshot.make(name, 3 * kHuge);
  snapshot.fill("base", 0, kHuge, 'b');
  snapshot.fill("diff", 16 * kSmall, kSmall, 'd');
  snapshot.fill("last", 17 * kSmall, kSmall, 'l');
  snapshot.fill("last", kHuge + 3 * kSmall, kSmall, 'l');
  const auto source = must(snapshot.open({"base", "diff", "last"}, 3 * kHuge, kHuge));
  std::vector<char> scratch(kHuge);
  const auto first = must(source.at(0, 3, scratch));
  CHECK(first.pages == 1);
  REQUIRE(first.bytes == scratch.data());
  CHECK(scratch[0] == 'b');
  CHECK(scratch[16 * kSmall] == 'd');
  CHECK(scratch[17 * kSmall] == 'l');
  CHECK(scratch[18 * kSmall] == 'b');
  // Of one layer alone, though not all of it: as the file reads.
  const auto second = must(source.at(1, 2, scratch));
  CHECK(second.pages == 1);
  CHECK(second.bytes[0] == '\0');
  CHECK(second.bytes[3 * kSmall] == 'l');
  CHECK(must(source.at(2, 1, scratch)).bytes == nullptr);
}

TEST_CASE("a layer that was cut gives nothing any more") {
  const Snapshot snapshot;
  snapshot.make("memory", 8 * kSmall);
  snapshot.fill("memory", 0, 4 * kSmall, 'm');
  const auto source = must(snapshot.open({"memory"}, 8 * kSmall, kSmall));
  std::filesystem::resize_file(snapshot.path("memory"), 2 * kSmall + 1);
  std::vector<char> scratch(kSmall);
  const auto gone = source.at(0, 1, scratch);
  REQUIRE_FALSE(gone);
  CHECK_THAT(gone.error().message(), Contains("memory has 8193 bytes, and the VM has 32768"));
  CHECK_THAT(source.why_unreadable(0).message(), Contains("8193"));
  // That it had nothing there was known before.
  CHECK(must(source.at(5, 1, scratch)).bytes == nullptr);
}

TEST_CASE("a memory that is no whole pages, or of no layer, is none") {
  const Snapshot snapshot;
  snapshot.make("memory", 5 * kSmall);
  CHECK(snapshot.open({"memory"}, 5 * kSmall, kHuge).error().code() == EINVAL);
  CHECK(snapshot.open({"memory"}, 5 * kSmall, 0).error().code() == EINVAL);
  CHECK(snapshot.open({"memory"}, 0, kSmall).error().code() == EINVAL);
  CHECK(snapshot.open({}, 5 * kSmall, kSmall).error().code() == EINVAL);
  CHECK(snapshot.open(std::vector<const char*>(254, "memory"), 5 * kSmall, kSmall).error().code() ==
        E2BIG);
}

}  // namespace
}  // namespace fcvm::memory
