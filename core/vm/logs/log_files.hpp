// LogFiles: a log of RotatingFile's for who reads it, part after part, while it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/vm/logs/tail_reader.hpp"

namespace fcvm::vm {

/// Where parts are missing that would have been read.
enum class LogGap { kBefore, kBetween };

class LogFiles : public GrowingFiles {
 public:
  /// Begins with the part in which the last `tail` lines of the log begin, there; else with the
  /// oldest part.
  LogFiles(const std::filesystem::path& file, std::optional<std::size_t> tail,
           std::function<void(LogGap)> on_gap)
      : directory_path_(file.parent_path().string()),
        name_(file.filename().string()),
        tail_(tail),
        on_gap_(std::move(on_gap)) {}

  [[nodiscard]] Result<bool> open() override;
  [[nodiscard]] bool is_open() const override { return fd_.valid(); }
  [[nodiscard]] int fd() const override { return fd_.get(); }
  /// Another file has taken the name, or the open one is one of the parts.
  [[nodiscard]] bool complete() const override;
  [[nodiscard]] Result<bool> go_on() override;

  /// The whole log has gone, and so grows no more.
  [[nodiscard]] bool removed() const;

 private:
  Result<bool> open_first();
  Result<bool> open_at_tail(std::size_t lines);
  Result<bool> open_next(std::uint64_t number);
  Result<bool> open_newest();
  Result<bool> open_part(std::uint64_t number);

  std::string directory_path_;
  std::string name_;
  std::optional<std::size_t> tail_;
  std::function<void(LogGap)> on_gap_;
  Fd directory_;
  Fd fd_;
  std::uint64_t number_ = 0;
  bool wants_more_ = true;
};

}  // namespace fcvm::vm
