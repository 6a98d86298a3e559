// The blocks of 512 bytes that describe an entry of a tar archive: ustar, with pax records for what
// does not fit there, and GNU's forms, which are read but not written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/tar/entry.hpp"

namespace fcvm::tar {

constexpr std::size_t kBlock = 512;
/// Of the records of one entry: names are at most PATH_MAX long, and the rest are numbers.
constexpr std::size_t kLargestRecords = 64 << 10;

/// How many bytes after `size` end a block.
constexpr std::size_t padding_after(std::uint64_t size) {
  return static_cast<std::size_t>((kBlock - size % kBlock) % kBlock);
}

/// How many bytes of data an entry has in the archive.
std::uint64_t data_size(const Entry& entry);

/// The header of an entry, with a pax header before it where it is needed; for a sparse file, the
/// map of its data follows (GNU's form 1.0, which GNU tar, bsdtar and Go read).
std::string encode_header(const Entry& entry);

/// One block as it is written, before anything that precedes it was applied.
struct RawHeader {
  Entry entry;
  char type = '0';           // also of what is not an entry: x g L K S
  std::uint64_t stored = 0;  // bytes that follow
  bool old_sparse = false;   // an 'S' header: `entry.extents` has the first ones
  bool more_extents = false;
};

/// EBADMSG when it is not a header.
Result<RawHeader> parse_header(std::string_view block);

/// "LENGTH KEY=VALUE\n" and so on. Later ones win.
using PaxRecords = std::map<std::string, std::string, std::less<>>;
Result<PaxRecords> parse_records(std::string_view text);
/// What the records say of an entry replaces what its header says.
Result<void> apply_records(const PaxRecords& records, RawHeader& header);

/// Up to `count` pairs of 12 digits, as an 'S' header and the blocks after it have them.
Result<void> parse_old_extents(std::string_view block, std::size_t count, Entry& entry);

/// The extents in order, apart, within the file, and `stored` bytes in all; else EBADMSG.
Result<void> check_extents(const Entry& entry, std::uint64_t stored);

}  // namespace fcvm::tar
