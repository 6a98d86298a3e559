// See page_source.hpp.
#include "plugins/memory/uffd/page_source.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

#include "plugins/memory/common/read_ahead.hpp"

namespace fcvm::memory {

PageSource::Mapping::~Mapping() {
  if (base_ != nullptr) ::munmap(base_, size_);
}

Result<PageSource> PageSource::open(const fcvm_memory_request& request) {
  PageSource made;
  made.layers_ = FCVM_TRY(open_layers(request));
  if (made.layers_.size() >= kSeveral) {
    return fail(E2BIG, "the snapshot has " + std::to_string(made.layers_.size()) + " layers",
                "merge them");
  }
  made.page_bytes_ = request.page_bytes;
  made.memory_bytes_ = request.memory_bytes;
  made.owners_.assign(request.memory_bytes / request.page_bytes, kNobody);
  FCVM_TRY(made.map_layers());
  for (std::size_t i = 0; i < made.layers_.size(); ++i) {
    FCVM_TRY(made.find_owners(static_cast<std::uint8_t>(i)));
  }
  return made;
}

Result<void> PageSource::map_layers() {
  for (const Layer& layer : layers_) {
    void* base =
        ::mmap(nullptr, memory_bytes_, PROT_READ, MAP_SHARED | MAP_NORESERVE, layer.file.get(), 0);
    if (base == MAP_FAILED) return fail_errno("mapping the snapshot's memory " + layer.name);
    mappings_.emplace_back(static_cast<char*>(base), memory_bytes_);
  }
  return {};
}

Result<void> PageSource::find_owners(std::uint8_t number) {
  const Layer& layer = layers_[number];
  const auto end = static_cast<off_t>(memory_bytes_);
  for (off_t at = 0; at < end;) {
    const off_t data = ::lseek(layer.file.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole to the end
    if (data < 0) return fail_errno("looking for data in " + layer.name);
    const off_t hole = ::lseek(layer.file.get(), data, SEEK_HOLE);
    if (hole < 0) return fail_errno("looking for a hole in " + layer.name);
    own(number, static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(std::min(hole, end)));
    at = hole;
  }
  // Afterwards: what was cut off meanwhile looked like a hole.
  return check_length(layer, memory_bytes_);
}

/// Of a page that is covered in part, the rest is what the lower layers have, which are done.
void PageSource::own(std::uint8_t number, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t last = (end - 1) / page_bytes_;
  for (std::uint64_t page = begin / page_bytes_; page <= last; ++page) {
    const bool whole = page * page_bytes_ >= begin && (page + 1) * page_bytes_ <= end;
    std::uint8_t& owner = owners_[page];
    owner = whole || owner == kNobody || owner == number ? number : kSeveral;
  }
}

Result<PageSource::Stretch> PageSource::at(std::uint64_t first, std::uint64_t most,
                                           std::span<char> scratch) const {
  const std::uint8_t owner = owners_[first];
  if (owner == kSeveral) {
    FCVM_TRY(assemble(first, scratch));
    return Stretch{1, scratch.data()};
  }
  std::uint64_t count = 1;
  while (count < most && first + count < owners_.size() && owners_[first + count] == owner) ++count;
  if (owner == kNobody) return Stretch{count, nullptr};
  FCVM_TRY(check_length(layers_[owner], memory_bytes_));
  return Stretch{count, mappings_[owner].base() + first * page_bytes_};
}

/// By reading, layer over layer. Seeking moves nothing that anybody relies on.
Result<void> PageSource::assemble(std::uint64_t page, std::span<char> into) const {
  const auto begin = static_cast<off_t>(page * page_bytes_);
  const auto end = begin + static_cast<off_t>(page_bytes_);
  std::fill_n(into.begin(), page_bytes_, '\0');
  for (const Layer& layer : layers_) {
    const int file = layer.file.get();
    for (off_t at = begin; at < end;) {
      const off_t data = ::lseek(file, at, SEEK_DATA);
      if (data < 0 && errno != ENXIO) return fail_errno("looking for data in " + layer.name);
      if (data < 0 || data >= end) break;
      const off_t hole = ::lseek(file, data, SEEK_HOLE);
      if (hole < 0) return fail_errno("looking for a hole in " + layer.name);
      const auto length = static_cast<std::size_t>(std::min(hole, end) - data);
      const ssize_t count = ::pread(file, into.data() + (data - begin), length, data);
      if (count < 0) return fail_errno("reading the snapshot's memory " + layer.name);
      if (static_cast<std::size_t>(count) != length) break;  // it was cut
      at = data + count;
    }
    // Afterwards: what was cut off meanwhile looked like a hole.
    FCVM_TRY(check_length(layer, memory_bytes_));
  }
  return {};
}

Result<void> PageSource::read_ahead(const PageSet& pages, const Call& call) const {
  for (auto run = pages.next(0); run.count > 0; run = pages.next(run.first)) {
    FCVM_TRY(call.check());
    const std::uint8_t owner = owners_[run.first];
    std::uint64_t count = 1;
    while (count < run.count && owners_[run.first + count] == owner) ++count;
    for (std::size_t i = 0; i < layers_.size() && owner != kNobody; ++i) {
      if (owner != kSeveral && owner != i) continue;
      memory::read_ahead(layers_[i].file.get(), run.first * page_bytes_, count * page_bytes_);
    }
    run.first += count;
  }
  return {};
}

Error PageSource::why_unreadable(std::uint64_t page) const {
  const Layer& layer = layers_[owners_[page]];
  if (auto length = check_length(layer, memory_bytes_); !length) return length.error();
  char byte = 0;
  const auto offset = static_cast<off_t>(page * page_bytes_);
  const ssize_t count = ::pread(layer.file.get(), &byte, 1, offset);
  return fail(count < 0 ? errno : EIO, "reading the snapshot's memory " + layer.name + ": " +
                                           std::strerror(count < 0 ? errno : EIO))
      .error();
}

}  // namespace fcvm::memory
