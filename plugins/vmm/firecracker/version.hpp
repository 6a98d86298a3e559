// Which Firecracker it is, and what follows from that.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::firecracker {

inline constexpr const char* kInstall =
    "install Firecracker 1.10 or newer (github.com/firecracker-microvm/firecracker/releases), or "
    "set plugin.\"vmm.firecracker\".binary";

/// A version newer than those known is taken to work as the newest known, 1.17.
struct Version {
  int major = 0;
  int minor = 0;
  std::string text;             // "1.16.1", "1.17.0-dev"
  std::string snapshot_format;  // "v8.0.0"; "" while it was not asked for

  [[nodiscard]] bool at_least(int wanted_minor) const {
    return major > 1 || (major == 1 && minor >= wanted_minor);
  }
  [[nodiscard]] bool supported() const { return at_least(10); }
  /// Boots bzImage too, not only ELF.
  [[nodiscard]] bool takes_bzimage() const { return at_least(17); }
  [[nodiscard]] bool has_pci() const { return at_least(13); }
  [[nodiscard]] bool has_mtu() const { return at_least(16); }
  [[nodiscard]] bool has_network_overrides() const { return at_least(12); }
  [[nodiscard]] bool has_vsock_override() const { return at_least(16); }
  /// Resuming a VM that was not saved while paused stops what the host sends through vsock, for
  /// good: Firecracker then waits for the guest to acknowledge a reset that it never sent. 1.16 has
  /// that, and so have builds on the way to 1.17.
  [[nodiscard]] bool mutes_vsock_on_resume() const {
    return major == 1 && (minor == 16 || (minor == 17 && text.find('-') != std::string::npos));
  }
  /// `track_dirty_pages` at load; `enable_diff_snapshots` before.
  [[nodiscard]] bool has_load_track_dirty() const { return at_least(13); }
  [[nodiscard]] bool has_huge_pages_with_initrd() const { return at_least(11); }
  [[nodiscard]] bool has_huge_pages_with_balloon() const { return at_least(14); }
};

/// From what `firecracker --version` prints.
Result<Version> parse_version(const std::string& output);
Error too_old(const std::string& binary, const Version& version);

/// From what `firecracker --snapshot-version` prints; "" when that is not a version.
std::string parse_snapshot_format(const std::string& output);

/// Fails unless a snapshot of `made_by` ("firecracker 1.16.1") in `format`, as status() gave both,
/// can be loaded by this version: Firecracker itself fails with an error that names none. One
/// minor version's snapshots load in another patch of it when the formats are known and the same;
/// no other's do.
Result<void> check_snapshot_version(const std::string& made_by, const std::string& format,
                                    const Version& version);

}  // namespace fcvm::firecracker
