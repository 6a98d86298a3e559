// LoopbackAddress: owns a VM's own address of the host's loopback, 127.20.x.y: 65,024 of them, from
// 127.20.0.1 to 127.20.255.254.
//
// The lock is an abstract Unix socket named after the address. Such names are unique within a
// network namespace, across users, as loopback addresses are, and they are free again the moment
// their owner is dead: no file can be left behind, and no lease can be stale.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::net {

class LoopbackAddress {
 public:
  static constexpr std::uint32_t kHostsPerNet = 254;  // .0 and .255 look like mistakes
  static constexpr std::uint32_t kPool = 256 * kHostsPerNet;

  /// None.
  LoopbackAddress() = default;

  /// Takes a free one. The search begins at a place that `vm_id` decides, so that an address is
  /// seldom taken again soon after its VM has died, while a killed forwarder may still be ending.
  /// Of the pool's first `pool` addresses; a test takes fewer than there are. Any user may hold
  /// such names, and all of them. That shall keep nobody from starting VMs: where too many are held
  /// one after the other, one is taken without its lock, and at worst a port of it is in use.
  static Result<LoopbackAddress> take(const std::string& vm_id, std::uint32_t pool = kPool);

  /// Whether no other VM has it.
  [[nodiscard]] bool is_locked() const { return static_cast<bool>(lock_); }
  /// "127.20.3.4", or "".
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  LoopbackAddress(std::string text, Fd lock) : text_(std::move(text)), lock_(std::move(lock)) {}

  std::string text_;
  Fd lock_;
};

}  // namespace fcvm::net
