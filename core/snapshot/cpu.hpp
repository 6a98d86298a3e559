// Cpu: the host's processor, as far as a snapshot depends on it.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::snapshot {

struct Cpu {
  std::string model;     // for people
  std::string features;  // the SHA-256 of their sorted names

  friend bool operator==(const Cpu&, const Cpu&) = default;
};

/// From the text of /proc/cpuinfo.
[[nodiscard]] Cpu cpu_of(std::string_view cpuinfo);
[[nodiscard]] Result<Cpu> host_cpu();

}  // namespace fcvm::snapshot
