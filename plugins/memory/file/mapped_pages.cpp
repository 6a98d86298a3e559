// See mapped_pages.hpp.
#include "plugins/memory/file/mapped_pages.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "plugins/memory/common/pidfd.hpp"

namespace fcvm::memory {

namespace {

constexpr std::size_t kLongestMaps = 16 << 20;
constexpr std::uint64_t kSwapped = std::uint64_t{1} << 62;
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;

struct Mapping {
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t offset;
  std::string file;  // device and inode, as /proc/PID/maps writes them
};

/// Nothing for a line that is none.
std::vector<Mapping> parse_maps(const std::string& text) {
  std::vector<Mapping> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    Mapping mapping{};
    char device[32] = {};
    char inode[32] = {};
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %31s %31s",
                    &mapping.begin, &mapping.end, &mapping.offset, device, inode) == 5) {
      mapping.file = std::string(device) + " " + inode;
      all.push_back(std::move(mapping));
    }
  }
  return all;
}

Result<std::vector<Mapping>> maps_of(const std::string& process) {
  return parse_maps(FCVM_TRY(base::read_file("/proc/" + process + "/maps", kLongestMaps)));
}

/// How maps name the file, which on btrfs is not how stat() does: learned from a mapping of our
/// own.
Result<std::string> name_in_maps(int file, std::uint64_t page) {
  void* mine = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, file, 0);
  if (mine == MAP_FAILED) return fail_errno("mapping the snapshot's memory");
  const auto maps = maps_of("self");
  ::munmap(mine, page);
  if (!maps) return unexpected(maps.error());
  const auto address = reinterpret_cast<std::uintptr_t>(mine);
  for (const Mapping& mapping : *maps) {
    if (mapping.begin <= address && address < mapping.end) return mapping.file;
  }
  return fail(ENOENT, "/proc/self/maps does not show the snapshot's memory");
}

Result<void> add_touched(int table, const Mapping& mapping, std::uint64_t page, PageSet& to) {
  std::vector<std::uint64_t> entries(8192);
  const std::uint64_t last = std::min(
      mapping.end, mapping.begin + to.pages() * page - std::min(mapping.offset, to.pages() * page));
  for (std::uint64_t address = mapping.begin; address < last;) {
    const std::uint64_t wanted = std::min<std::uint64_t>((last - address) / page, entries.size());
    const ssize_t count = ::pread(table, entries.data(), wanted * sizeof entries[0],
                                  static_cast<off_t>(address / page * sizeof entries[0]));
    if (count < 0) return fail_errno("reading the page table of the clone's VMM");
    if (count == 0) return {};  // it has ended
    const std::size_t number = static_cast<std::size_t>(count) / sizeof entries[0];
    for (std::size_t i = 0; i < number; ++i, address += page) {
      if ((entries[i] & (kPresent | kSwapped)) == 0) continue;
      to.add((mapping.offset + (address - mapping.begin)) / page);
    }
  }
  return {};
}

}  // namespace

Result<PageSet> mapped_pages(int pidfd, int file, std::uint64_t memory_bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::string name = FCVM_TRY(name_in_maps(file, page));
  const std::string process = std::to_string(FCVM_TRY(pid_of(pidfd)));
  const Fd table = FCVM_TRY(base::open_file("/proc/" + process + "/pagemap", O_RDONLY) |
                            context("looking at the clone's VMM"));
  const auto maps = FCVM_TRY(maps_of(process) | context("looking at the clone's VMM"));
  PageSet touched(memory_bytes / page);
  for (const Mapping& mapping : maps) {
    if (mapping.file == name) FCVM_TRY(add_touched(table.get(), mapping, page, touched));
  }
  // Afterwards: what was read is then of this process, and not of one that got its number.
  if (has_ended(pidfd)) return fail(ESRCH, "the clone's VMM has ended");
  return touched;
}

}  // namespace fcvm::memory
