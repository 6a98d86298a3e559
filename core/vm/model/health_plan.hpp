// How it is told whether a container is well, as far as the user says so; an image may say the
// rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fcvm::vm {

/// About a container that turns unhealthy.
enum class HealthAction { kNone, kKill, kStop };

struct HealthPlan {
  bool none = false;  // also when the image has a check
  /// As an image has it: "CMD-SHELL" and a line, or "CMD" and words. Empty: the image's.
  std::vector<std::string> test;
  std::optional<std::chrono::milliseconds> interval{};
  std::optional<std::chrono::milliseconds> timeout{};
  std::optional<std::chrono::milliseconds> start_period{};
  std::optional<std::uint32_t> retries{};
  HealthAction on_failure = HealthAction::kNone;
};

}  // namespace fcvm::vm
