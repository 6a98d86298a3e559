// CloneMemory: owns the userfaultfd of a clone's VMM, and knows which pages the VMM has, by what it
// was given and what it removed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <fcvm/result.hpp>

#include "plugins/memory/common/page_set.hpp"
#include "plugins/memory/uffd/hand_over.hpp"
#include "plugins/memory/uffd/page_source.hpp"

struct uffd_msg;

namespace fcvm::memory {

class CloneMemory {
 public:
  struct Fault {
    std::uint64_t page;
    std::int64_t since;
  };
  enum class Given {
    kNow,
    kBefore,  // the VMM had it, or removed it since
    kLater,   // the VMM's mappings change: there are events to be read first
    kNobody,  // the VMM has ended
  };
  struct Tally {
    std::uint64_t pages = 0;
    std::uint64_t bytes_copied = 0;  // less than the pages where there are zeros
  };

  /// `source` outlives it. For a page that is missed, up to `piece_bytes` round it are given.
  CloneMemory(const PageSource& source, HandOver hand_over, std::uint64_t piece_bytes);

  [[nodiscard]] int fd() const { return faults_.get(); }

  /// Notes what the VMM removed, and adds what it misses. Of very many events, not all at once.
  Result<void> read_events(std::vector<Fault>& missed);
  /// Gives a missed page, and what goes with it.
  Result<Given> answer(std::uint64_t page, Tally& tally);
  /// Gives the next of the wanted pages that the VMM has not, from `cursor` on, which is moved.
  /// Nothing when there are no more.
  Result<std::optional<Given>> give_next(const PageSet& wanted, std::uint64_t& cursor,
                                         Tally& tally);

 private:
  struct Put {
    int code;  // an errno value
    std::uint64_t pages;
  };

  void note_removed(std::uint64_t begin, std::uint64_t end);
  Result<void> note(const uffd_msg& message, std::vector<Fault>& missed);
  [[nodiscard]] std::optional<std::uint64_t> page_at(std::uint64_t address) const;
  [[nodiscard]] const Region* region_with(std::uint64_t page) const;
  [[nodiscard]] bool lacks(std::uint64_t page) const {
    return !given_.has(page) && !removed_.has(page);
  }
  [[nodiscard]] PageSet::Run round(std::uint64_t page, const Region& region) const;
  Result<Given> give(PageSet::Run run, const Region& region, std::optional<std::uint64_t> missed,
                     Tally& tally);
  Result<PageSource::Stretch> contents(std::uint64_t page, std::uint64_t most);
  [[nodiscard]] Put put(std::uint64_t address, const PageSource::Stretch& stretch) const;
  Result<void> wake(std::uint64_t address) const;

  const PageSource& source_;
  const std::uint64_t page_;   // bytes
  const std::uint64_t piece_;  // pages
  Fd faults_;
  std::vector<Region> regions_;  // by address
  PageSet given_;
  PageSet removed_;
  std::vector<char> scratch_;  // a page
  std::vector<char> zeros_;    // a huge page
};

}  // namespace fcvm::memory
