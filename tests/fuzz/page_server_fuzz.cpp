// What a VMM that a guest has taken over tells its page server: a hand-over, and then events, which
// in truth the kernel writes. Regions that are taken lie in the memory and apart; no event makes
// the server touch what is not a page of it.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string_view>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/temp_dir.hpp"
#include "plugins/memory/uffd/clone_memory.hpp"

namespace {

using namespace fcvm;
using memory::Region;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMemory = 64 * kPage;
constexpr std::size_t kMostEvents = 64;

/// The second half is a hole.
memory::PageSource make_source() {
  const auto directory = base::TempDir::create();
  const auto fd = base::open_file(directory->path(), O_RDONLY | O_DIRECTORY);
  const auto file = base::open_at(fd->get(), "memory", O_WRONLY | O_CREAT, 0600);
  const std::string half(kMemory / 2, 'm');
  if (!base::write_all(file->get(), half) || ::ftruncate(file->get(), kMemory) != 0) std::abort();
  auto layer = sized<fcvm_memory_layer>();
  layer.directory_fd = fd->get();
  layer.path = "memory";
  const fcvm_memory_layer* const layers[] = {&layer};
  auto request = sized<fcvm_memory_request>();
  request.layers = layers;
  request.layer_count = 1;
  request.memory_bytes = kMemory;
  request.page_bytes = kPage;
  return *memory::PageSource::open(request);
}

void check(const std::vector<Region>& regions) {
  const Region* before = nullptr;
  for (const Region& region : regions) {
    const bool whole = (region.base | region.size | region.offset) % kPage == 0 && region.size != 0;
    const bool inside = region.size <= kMemory && region.offset <= kMemory - region.size;
    if (!whole || !inside) std::abort();
    if (before != nullptr && before->base + before->size > region.base) std::abort();
    for (const Region& other : regions) {
      const bool apart =
          other.offset >= region.offset + region.size || region.offset >= other.offset + other.size;
      if (&other != &region && !apart) std::abort();
    }
    before = &region;
  }
}

/// A pipe takes the place of the userfaultfd: to give a page fails.
void read_events(const memory::PageSource& source, std::vector<Region> regions,
                 std::string_view bytes) {
  auto pipe = base::Pipe::create(O_NONBLOCK);
  if (!pipe) std::abort();
  for (std::size_t i = 0; i < kMostEvents && bytes.size() >= sizeof(uffd_msg); ++i) {
    uffd_msg message{};
    std::memcpy(&message, bytes.data(), sizeof message);
    bytes.remove_prefix(sizeof message);
    if (message.event == UFFD_EVENT_FORK) message.arg.fork.ufd = UINT32_MAX;  // ours stay open
    if (::write(pipe->write_end.get(), &message, sizeof message) < 0) std::abort();
  }
  memory::CloneMemory clone(source, {std::move(pipe->read_end), std::move(regions)}, 4 * kPage);
  std::vector<memory::CloneMemory::Fault> missed;
  (void)clone.read_events(missed);
  memory::CloneMemory::Tally tally;
  for (const auto& fault : missed) {
    if (fault.page >= source.pages()) std::abort();
    (void)clone.answer(fault.page, tally);
  }
  memory::PageSet all(source.pages());
  all.add({0, source.pages()});
  std::uint64_t cursor = 0;
  while (clone.give_next(all, cursor, tally).value_or(std::nullopt)) {
  }
  if (tally.pages != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const memory::PageSource source = make_source();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  auto regions = memory::parse_regions(text.substr(0, end), kMemory, kPage);
  if (!regions) return 0;
  check(*regions);
  read_events(source, std::move(*regions), text.substr(std::min(end + 1, text.size())));
  return 0;
}
