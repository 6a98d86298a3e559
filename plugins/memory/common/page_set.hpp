// PageSet: owns a bit for each page of a memory.
#pragma once

#include <cstdint>
#include <vector>

namespace fcvm::memory {

class PageSet {
 public:
  /// Pages that follow each other.
  struct Run {
    std::uint64_t first;
    std::uint64_t count;
  };

  PageSet() = default;
  /// Of a memory of so many pages; all pages that are named below are among them.
  explicit PageSet(std::uint64_t pages) : pages_(pages), words_((pages + 63) / 64) {}

  [[nodiscard]] std::uint64_t pages() const { return pages_; }
  [[nodiscard]] bool has(std::uint64_t page) const {
    return (words_[page / 64] >> (page % 64) & 1) != 0;
  }
  void add(std::uint64_t page) { words_[page / 64] |= bit(page); }
  void add(Run run) {
    for (std::uint64_t i = 0; i < run.count; ++i) add(run.first + i);
  }
  void remove(std::uint64_t page) { words_[page / 64] &= ~bit(page); }
  /// Of a memory of the same size.
  void add(const PageSet& other);
  [[nodiscard]] std::uint64_t count() const;

  /// The first at or after `page`; its count is 0 when there is none.
  [[nodiscard]] Run next(std::uint64_t page) const;

  /// For keeping it: page 0 is the lowest bit of the first word. The bits beyond the last page are
  /// 0, and are dropped when they are not.
  [[nodiscard]] const std::vector<std::uint64_t>& words() const { return words_; }
  static PageSet of(std::uint64_t pages, std::vector<std::uint64_t> words);

 private:
  static constexpr std::uint64_t bit(std::uint64_t page) { return std::uint64_t{1} << (page % 64); }
  /// The first page at or after `page` that is in the set, or is not; pages() when there is none.
  [[nodiscard]] std::uint64_t find(std::uint64_t page, bool in) const;

  std::uint64_t pages_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace fcvm::memory
