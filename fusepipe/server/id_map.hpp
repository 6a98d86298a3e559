// IdMap: which id of the mounting side is which of the host. Owns the ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::fusepipe {

class IdMap {
 public:
  /// "GUEST:HOST:COUNT", as podman has it. EINVAL when it is not that, or overlaps another range.
  Result<void> add(std::string_view range);
  void add(std::uint32_t guest, std::uint32_t host, std::uint32_t count);

  /// Without a range, every id is itself.
  [[nodiscard]] bool is_identity() const noexcept { return ranges_.empty(); }
  /// An id of the host that nobody has in the guest shows as the kernel's "nobody".
  [[nodiscard]] std::uint32_t to_guest(std::uint32_t host) const;
  [[nodiscard]] std::optional<std::uint32_t> to_host(std::uint32_t guest) const;

  static constexpr std::uint32_t kNobody = 65534;

 private:
  struct Range {
    std::uint32_t guest;
    std::uint32_t host;
    std::uint32_t count;
  };
  std::vector<Range> ranges_;
};

}  // namespace fcvm::fusepipe
