// BuildWatch: ends a builder VM when its call is cancelled or late, when its VMM ends by itself,
// and when the host's disk is full, on which the guest would stand still. Owns a thread.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::image {

class BuildWatch {
 public:
  /// `end` makes whatever the builder waits for fail soon; it is called again and again.
  BuildWatch(const Call& call, std::vector<std::filesystem::path> directories,
             std::function<void()> end);
  BuildWatch(const BuildWatch&) = delete;
  BuildWatch& operator=(const BuildWatch&) = delete;
  ~BuildWatch() { stop(); }

  /// From now on its end is one that nobody asked for; a pidfd, copied.
  Result<void> watch_vmm(int pidfd);
  /// Watches no more.
  void stop();

  /// Why the builder is to end, if it is.
  [[nodiscard]] Result<void> check() const;
  /// The same for a builder whose connection broke, which a VMM's end does a moment before it
  /// shows.
  [[nodiscard]] Result<void> check_broken() const;

 private:
  void run();
  [[nodiscard]] Result<void> look();

  const Call& call_;
  const std::vector<std::filesystem::path> directories_;
  const std::function<void()> end_;
  mutable std::mutex mutex_;
  Fd vmm_;
  std::optional<Error> why_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace fcvm::image
