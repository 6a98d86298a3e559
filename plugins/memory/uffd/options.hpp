// What a user may set for memory.uffd: [plugin."memory.uffd"] in TOML.
#pragma once

#include <chrono>
#include <cstdint>

#include <fcvm/sdk/options.hpp>

namespace fcvm::memory {

struct UffdOptions {
  std::uint32_t max_clones = 256;
  Bytes piece{64 << 10};
  std::chrono::nanoseconds hand_over_timeout = std::chrono::seconds(10);

  static auto table() {
    return fcvm::options(
        fcvm::option("max-clones", &UffdOptions::max_clones,
                     "how many clones one server serves at once"),
        fcvm::option("piece", &UffdOptions::piece,
                     "how much round a missed page is given with it, in a piece of this size"),
        fcvm::option("hand-over-timeout", &UffdOptions::hand_over_timeout,
                     "how long a VMM that has connected may take to hand its memory over"));
  }
};

}  // namespace fcvm::memory
