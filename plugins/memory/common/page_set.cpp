// See page_set.hpp.
#include "plugins/memory/common/page_set.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace fcvm::memory {

void PageSet::add(const PageSet& other) {
  const std::size_t common = std::min(words_.size(), other.words_.size());
  for (std::size_t i = 0; i < common; ++i) words_[i] |= other.words_[i];
}

std::uint64_t PageSet::count() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t word : words_) sum += static_cast<std::uint64_t>(std::popcount(word));
  return sum;
}

PageSet::Run PageSet::next(std::uint64_t page) const {
  const std::uint64_t first = find(page, true);
  return {first, find(first, false) - first};
}

std::uint64_t PageSet::find(std::uint64_t page, bool in) const {
  if (page >= pages_) return pages_;
  std::size_t at = page / 64;
  std::uint64_t word = (in ? words_[at] : ~words_[at]) & (~std::uint64_t{0} << (page % 64));
  while (word == 0) {
    if (++at == words_.size()) return pages_;
    word = in ? words_[at] : ~words_[at];
  }
  const auto found = at * 64 + static_cast<std::uint64_t>(std::countr_zero(word));
  return std::min<std::uint64_t>(found, pages_);
}

PageSet PageSet::of(std::uint64_t pages, std::vector<std::uint64_t> words) {
  PageSet made(pages);
  words.resize(made.words_.size());
  made.words_ = std::move(words);
  if (pages % 64 != 0) made.words_.back() &= bit(pages) - 1;
  return made;
}

}  // namespace fcvm::memory
