// PageSource: owns the layers of a snapshot's memory and mappings of them, and knows what each page
// is. This is where the bytes of pages come from; a source that is not plain on the disk would fill
// `scratch`.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "plugins/memory/common/layers.hpp"
#include "plugins/memory/common/page_set.hpp"

namespace fcvm::memory {

class PageSource {
 public:
  static Result<PageSource> open(const fcvm_memory_request& request);
  PageSource() = default;
  PageSource(PageSource&& other) noexcept = default;
  PageSource& operator=(PageSource&& other) noexcept = default;

  [[nodiscard]] std::uint64_t page_bytes() const { return page_bytes_; }
  [[nodiscard]] std::uint64_t pages() const { return owners_.size(); }

  /// Pages that follow each other, and their bytes: for the kernel, which fails where a file was
  /// cut. Whoever reads them as his own memory is sent SIGBUS then.
  struct Stretch {
    std::uint64_t pages;
    const char* bytes;  // null: zeros
  };
  /// From `first` on, of what can be had at once, and at most so many; at least one. `scratch` has
  /// room for a page.
  [[nodiscard]] Result<Stretch> at(std::uint64_t first, std::uint64_t most,
                                   std::span<char> scratch) const;
  /// Whether both are zeros, or both are not: whether they can be given for one fault.
  [[nodiscard]] bool alike(std::uint64_t one, std::uint64_t other) const {
    return (owners_[one] == kNobody) == (owners_[other] == kNobody);
  }
  /// Has them read from the disk, and waits for none.
  [[nodiscard]] Result<void> read_ahead(const PageSet& pages, const Call& call) const;
  /// Why the kernel could not read what `at` gave.
  [[nodiscard]] Error why_unreadable(std::uint64_t page) const;

 private:
  class Mapping {
   public:
    Mapping(char* base, std::uint64_t size) : base_(base), size_(size) {}
    Mapping(Mapping&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}
    Mapping& operator=(Mapping&& other) = delete;
    ~Mapping();
    [[nodiscard]] const char* base() const { return base_; }

   private:
    char* base_;
    std::uint64_t size_;
  };

  Result<void> map_layers();
  Result<void> find_owners(std::uint8_t number);
  void own(std::uint8_t number, std::uint64_t begin, std::uint64_t end);
  Result<void> assemble(std::uint64_t page, std::span<char> into) const;

  /// Whose the bytes of a page are: the number of a layer, or one of these.
  static constexpr std::uint8_t kNobody = 255;
  static constexpr std::uint8_t kSeveral = 254;

  std::vector<Layer> layers_;
  std::vector<Mapping> mappings_;
  std::vector<std::uint8_t> owners_;  // by page
  std::uint64_t page_bytes_ = 0;
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace fcvm::memory
