// DiskRates: how fast a VM may use its disks.
#pragma once

#include <cstdint>

namespace fcvm::vm {

/// Of each disk, in a second; 0: as fast as it goes.
struct DiskRates {
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t read_operations = 0;
  std::uint64_t write_operations = 0;

  [[nodiscard]] bool limited() const {
    return (read_bytes | write_bytes | read_operations | write_operations) != 0;
  }
  friend bool operator==(const DiskRates&, const DiskRates&) = default;
};

}  // namespace fcvm::vm
