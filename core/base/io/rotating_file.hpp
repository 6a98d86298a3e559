// RotatingFile: a log that a stranger may fill without filling the disk. When it is full it becomes
// NAME.1, the next time NAME.2 and so on, and the oldest of these parts is removed. Parts keep
// their numbers, so that who reads along knows what is next, and what was lost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

class RotatingFile {
 public:
  struct Limits {
    std::uint64_t max_size = 16 << 20;  // of one file
    unsigned max_files = 4;             // with the one that is written; 1 or more
  };

  /// Goes on with a file that is there. `directory` stays the caller's; a copy of it is kept.
  [[nodiscard]] static Result<RotatingFile> open(int directory, std::string name, Limits limits);

  /// All of it, in one file: what is larger than a file may be is cut by who calls. When that fails
  /// (a full disk), no part of it stays.
  [[nodiscard]] Result<void> append(std::string_view bytes);

  [[nodiscard]] const Limits& limits() const { return limits_; }

 private:
  RotatingFile(Fd directory, std::string name, Limits limits)
      : directory_(std::move(directory)), name_(std::move(name)), limits_(limits) {}

  Result<void> open_current();
  Result<void> rotate();

  Fd directory_;
  std::string name_;
  Limits limits_;
  Fd fd_;
  std::uint64_t size_ = 0;
  std::vector<std::uint64_t> parts_;  // numbers, the oldest first
  std::uint64_t last_part_ = 0;
};

/// NAME.NUMBER.
[[nodiscard]] std::string part_name(const std::string& name, std::uint64_t number);
/// The numbers of the parts of `name` that are there, the oldest first. Number 1 is not among them
/// once something was dropped.
[[nodiscard]] Result<std::vector<std::uint64_t>> parts_of(int directory, const std::string& name);

/// The last bytes of the whole log, at most `size`; "" when there is none.
[[nodiscard]] std::string last_bytes_of(int directory, const std::string& name, std::size_t size);

}  // namespace fcvm::base
