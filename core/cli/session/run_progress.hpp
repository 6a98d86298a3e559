// RunProgress: shows on the caller's terminal what is going on before the container runs: the
// stages of the start, and what plugins report through progress/1, such as an image that is being
// fetched.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <fcvm/sdk/fd.hpp>

#include "core/plugin/services.hpp"
#include "core/setup/progress.hpp"

namespace fcvm::cli {

/// Of several things at once the newest is shown. What is done within a moment is not shown at all.
class RunProgress : public plugin::ProgressService {
 public:
  /// Writes to a copy of standard error, which stays the caller's when this process detaches.
  /// `quiet` shows nothing.
  explicit RunProgress(bool quiet);
  ~RunProgress() override { finish(); }

  /// What the VM's start has come to; empty for nothing. Only a terminal shows it.
  void stage(const std::string& what);

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

  std::uint64_t add(const std::string& what, std::uint64_t total, const std::string& unit);
  void show(std::uint64_t id, const Step& step);
  void tick();

  std::mutex mutex_;
  Fd to_;
  std::optional<setup::Progress> shown_;
  std::uint64_t shown_step_ = 0;  // 0: none
  std::uint64_t last_ = 0;
  Clock::time_point drawn_{};
  std::map<std::uint64_t, Step> steps_;
  std::uint64_t stage_ = 0;  // which of them is the start's own; 0: none
  std::thread ticker_;       // shows that time passes, once there is a stage
  std::condition_variable over_;
};

}  // namespace fcvm::cli
