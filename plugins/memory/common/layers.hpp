// Layers: owns the memory files of a snapshot, the lowest first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::memory {

struct Layer {
  std::string name;
  Fd file;
};

/// Fails unless it is a file of this length: one that was cut seems to have a hole at its end.
[[nodiscard]] Result<void> check_length(const Layer& layer, std::uint64_t memory_bytes);

/// At least one, each as long as the memory.
[[nodiscard]] Result<std::vector<Layer>> open_layers(const fcvm_memory_request& request);

}  // namespace fcvm::memory
