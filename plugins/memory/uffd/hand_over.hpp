// The hand-over: what a clone's VMM says of its memory, of which nothing is trusted. HandOver owns
// the userfaultfd that came with it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::memory {

/// Pages of the memory that follow each other in the VMM, too.
struct Region {
  std::uint64_t base;  // address in the VMM
  std::uint64_t size;
  std::uint64_t offset;  // in the memory
};

constexpr std::size_t kLongestHandOver = 4096;

/// The regions that a message names, by their addresses: whole pages, inside the memory, none over
/// another, neither in the VMM nor in the memory. EPROTO says what is wrong with them.
[[nodiscard]] Result<std::vector<Region>> parse_regions(std::string_view message,
                                                        std::uint64_t memory_bytes,
                                                        std::uint64_t page_bytes);

struct HandOver {
  Fd faults;
  std::vector<Region> regions;
};

/// From a connection that has something to read.
[[nodiscard]] Result<HandOver> receive_hand_over(int connection, std::uint64_t memory_bytes,
                                                 std::uint64_t page_bytes);

}  // namespace fcvm::memory
