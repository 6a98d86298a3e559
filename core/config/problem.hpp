// What is wrong in the configuration. Problems are collected, so that a user sees them all at once.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/origin.hpp"

namespace fcvm::config {

/// What fixes a mistake in a file.
inline constexpr const char* kCheckAgain = "correct it, then look again with `fcvm config check`";

struct Problem {
  Origin where{};
  std::string message{};
  std::string remedy{};  // where it is not the usual one

  /// "/etc/fcvm/fcvm.toml:3:1: unknown key `cpsu` in [run]; did you mean `cpus`?"
  [[nodiscard]] std::string text() const;
};

class Problems {
 public:
  static constexpr std::size_t kMost = 20;  // more are counted, not kept

  explicit Problems(std::size_t most = kMost) : most_(most) {}

  /// What was added before is not added again: a profile is read once to check and once to use.
  void add(Origin where, std::string message, std::string remedy = "");

  /// By layer, file, line and column.
  void sort();

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] const std::vector<Problem>& all() const { return all_; }
  [[nodiscard]] std::size_t dropped() const { return dropped_; }

  /// Success when there are none, else one error with a line for each; a single one has its remedy.
  [[nodiscard]] Result<void> result() const;

 private:
  std::size_t most_;
  std::vector<Problem> all_;
  std::size_t dropped_ = 0;
};

}  // namespace fcvm::config
