// SpaceWatch: tells when the file system that has a VM's disks runs out of room, and when there is
// room again. A guest whose disk cannot grow stops where it is, or reads and writes errors: either
// is too late.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/base/loop/loop.hpp"

namespace fcvm::vm {

/// Below `low` a file system is full, and above `enough` it is not any more.
struct SpaceLimits {
  std::uint64_t low = 0;
  std::uint64_t enough = 0;

  [[nodiscard]] static SpaceLimits of(std::uint64_t total_bytes);
};
/// When to look again: before a guest can have filled what is free.
[[nodiscard]] std::chrono::milliseconds look_again_after(std::uint64_t free_bytes);

class SpaceWatch {
 public:
  /// While it is full again and again, and once when it is not any more.
  using Tell = std::function<void(bool is_full)>;

  SpaceWatch(base::Loop& loop, std::filesystem::path directory, Tell tell)
      : loop_(loop), directory_(std::move(directory)), tell_(std::move(tell)) {}
  SpaceWatch(const SpaceWatch&) = delete;
  SpaceWatch& operator=(const SpaceWatch&) = delete;
  ~SpaceWatch() { stop(); }

  void start() { look(); }
  void stop() { loop_.cancel(again_); }

 private:
  void look();

  base::Loop& loop_;
  const std::filesystem::path directory_;
  const Tell tell_;
  bool is_full_ = false;
  base::Loop::TimerId again_;
};

}  // namespace fcvm::vm
