// RunProgress: shows on the caller's terminal what plugins report through progress/1 before the
// container runs, such as an image that is being fetched.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include <fcvm/sdk/fd.hpp>

#include "core/plugin/services.hpp"
#include "core/setup/progress.hpp"

namespace fcvm::cli {

/// Of several things at once the newest is shown. What is done within a moment is not shown at all.
class RunProgress : public plugin::ProgressService {
 public:
  /// Writes to a copy of standard error, which stays the caller's when this process detaches.
  RunProgress();

  std::uint64_t begin(const std::string& what, std::uint64_t total,
                      const std::string& unit) override;
  void update(std::uint64_t progress, std::uint64_t done) override;
  void end(std::uint64_t progress, bool succeeded) override;

  /// Shows nothing from now on, and lets go of standard error.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  struct Step {
    std::string what;
    std::uint64_t total = 0;
    std::string unit;
    Clock::time_point began = Clock::now();
  };

  std::mutex mutex_;
  Fd to_;
  std::optional<setup::Progress> shown_;
  std::uint64_t shown_step_ = 0;  // 0: none
  std::uint64_t last_ = 0;
  Clock::time_point drawn_{};
  std::map<std::uint64_t, Step> steps_;
};

}  // namespace fcvm::cli
