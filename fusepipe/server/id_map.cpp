// See id_map.hpp.
#include "fusepipe/server/id_map.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <string>

namespace fcvm::fusepipe {

namespace {

bool overlap(std::uint32_t a, std::uint32_t b, std::uint32_t a_count, std::uint32_t b_count) {
  return a < std::uint64_t{b} + b_count && b < std::uint64_t{a} + a_count;
}

}  // namespace

Result<void> IdMap::add(std::string_view range) {
  const auto wrong = [&](const char* why) -> Result<void> {
    return fail(EINVAL, "the range of ids \"" + std::string(range) + "\" " + why);
  };
  std::array<std::uint32_t, 3> parts{};
  const char* at = range.data();
  const char* const end = at + range.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    const bool last = i + 1 == parts.size();
    if (error != std::errc() || (last ? next != end : next == end || *next != ':')) {
      return wrong("is not GUEST:HOST:COUNT");
    }
    at = next + (last ? 0 : 1);
  }
  const auto [guest, host, count] = parts;
  // The last number of 32 bits is no id: the kernel says "no change" by it.
  if (count == 0 || std::uint64_t{guest} + count > UINT32_MAX ||
      std::uint64_t{host} + count > UINT32_MAX) {
    return wrong("has no ids, or too many");
  }
  for (const Range& other : ranges_) {
    if (overlap(guest, other.guest, count, other.count) ||
        overlap(host, other.host, count, other.count)) {
      return wrong("overlaps another");
    }
  }
  add(guest, host, count);
  return {};
}

void IdMap::add(std::uint32_t guest, std::uint32_t host, std::uint32_t count) {
  ranges_.push_back({guest, host, count});
}

std::uint32_t IdMap::to_guest(std::uint32_t host) const {
  if (is_identity()) return host;
  for (const Range& range : ranges_) {
    if (host >= range.host && host - range.host < range.count) {
      return range.guest + (host - range.host);
    }
  }
  return kNobody;
}

std::optional<std::uint32_t> IdMap::to_host(std::uint32_t guest) const {
  if (is_identity()) return guest;
  for (const Range& range : ranges_) {
    if (guest >= range.guest && guest - range.guest < range.count) {
      return range.host + (guest - range.guest);
    }
  }
  return std::nullopt;
}

}  // namespace fcvm::fusepipe
