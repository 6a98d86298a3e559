// Asking plugin files what they are, without letting one of them harm this process or the others.
#pragma once

#include <chrono>
#include <filesystem>
#include <vector>

#include <fcvm/result.hpp>

#include "core/plugin/descriptor.hpp"

namespace fcvm::plugin {

struct Scanned {
  std::filesystem::path path;
  Result<Descriptor> descriptor;
};

/// `describe` should take under 100 ms; a loaded machine gets the benefit of the doubt.
inline constexpr std::chrono::milliseconds kDescribeLimit{2000};

/// Loads and describes each file in a child process; when one crashes or hangs, a new child goes on
/// with the rest. The results are in the order of `paths`.
[[nodiscard]] std::vector<Scanned> scan(const std::vector<std::filesystem::path>& paths,
                                        std::chrono::milliseconds limit = kDescribeLimit);

}  // namespace fcvm::plugin
