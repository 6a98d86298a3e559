// See hand_over.hpp.
#include "plugins/memory/uffd/hand_over.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/base/io/socket_pair.hpp"

namespace fcvm::memory {

namespace {

using Json = nlohmann::json;

Unexpected refused(const std::string& what) {
  return fail(EPROTO, "the VMM handed over " + what, "use a VMM that fcvm knows");
}

Result<std::uint64_t> number_of(const Json& region, const char* key) {
  const auto found = region.find(key);
  if (found != region.end() && found->is_number_unsigned()) return found->get<std::uint64_t>();
  return refused(std::string("a region without a sound ") + key);
}

Result<Region> parse_region(const Json& item, std::uint64_t memory_bytes,
                            std::uint64_t page_bytes) {
  if (!item.is_object()) return refused("a region that is no object");
  Region region{};
  region.base = FCVM_TRY(number_of(item, "base_host_virt_addr"));
  region.size = FCVM_TRY(number_of(item, "size"));
  region.offset = FCVM_TRY(number_of(item, "offset"));
  const std::uint64_t page =
      FCVM_TRY(number_of(item, item.contains("page_size") ? "page_size" : "page_size_kib"));
  if (page != page_bytes) {
    return refused("pages of " + std::to_string(page) + " bytes, and the snapshot's have " +
                   std::to_string(page_bytes));
  }
  const bool whole =
      region.base % page == 0 && region.size % page == 0 && region.offset % page == 0;
  const bool fits = region.size > 0 && region.size <= memory_bytes &&
                    region.offset <= memory_bytes - region.size &&
                    region.base <= UINT64_MAX - region.size;
  if (!whole || !fits) return refused("a region that its memory does not have");
  return region;
}

/// Sorts them by what `begin` gives.
bool overlap(std::vector<Region>& regions, std::uint64_t Region::*begin) {
  std::sort(regions.begin(), regions.end(),
            [&](const Region& a, const Region& b) { return a.*begin < b.*begin; });
  return std::adjacent_find(regions.begin(), regions.end(), [&](const Region& a, const Region& b) {
           return b.*begin - a.*begin < a.size;
         }) != regions.end();
}

/// Reading anything else could wait for ever, and what ioctl() would do to it nobody knows.
Result<void> check_userfaultfd(const Fd& fd) {
  std::array<char, 64> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
  const ssize_t length = ::readlink(link.c_str(), name.data(), name.size());
  const std::string_view kind(name.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
  if (kind != "anon_inode:[userfaultfd]") return refused("what is no userfaultfd");
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || (flags & O_NONBLOCK) == 0) return refused("a userfaultfd that blocks");
  return {};
}

}  // namespace

Result<std::vector<Region>> parse_regions(std::string_view message, std::uint64_t memory_bytes,
                                          std::uint64_t page_bytes) {
  const Json list = Json::parse(message, nullptr, false);
  if (!list.is_array() || list.empty()) return refused("no regions");
  std::vector<Region> regions;
  for (const Json& item : list) {
    regions.push_back(FCVM_TRY(parse_region(item, memory_bytes, page_bytes)));
  }
  if (overlap(regions, &Region::offset) || overlap(regions, &Region::base)) {
    return refused("regions that overlap");
  }
  return regions;
}

Result<HandOver> receive_hand_over(int connection, std::uint64_t memory_bytes,
                                   std::uint64_t page_bytes) {
  auto message = base::receive_fds(connection, kLongestHandOver, 1);
  if (!message) return refused("what is no message: " + message.error().message());
  if (message->fds.size() != 1) return refused("no userfaultfd");
  FCVM_TRY(check_userfaultfd(message->fds.front()));
  auto regions = FCVM_TRY(parse_regions(message->bytes, memory_bytes, page_bytes));
  return HandOver{std::move(message->fds.front()), std::move(regions)};
}

}  // namespace fcvm::memory
