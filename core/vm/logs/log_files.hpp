// LogFiles: a log of RotatingFile's for who reads it, part after part, while it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::vm {

class LogFiles {
 public:
  explicit LogFiles(const std::filesystem::path& file)
      : directory_path_(file.parent_path().string()), name_(file.filename().string()) {}

  /// Opens the part in which the last `tail` lines of the log begin, there; else the oldest part.
  /// False when there is no file yet.
  Result<bool> open(std::optional<std::size_t> tail);

  [[nodiscard]] bool is_open() const { return fd_.valid(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Whether all that is left was wanted, and some of it is not there any more.
  [[nodiscard]] bool begins_with_gap() const { return wants_more_ && number_ > 1; }

  /// The open file is written no more: another has taken its name, or it is one of the parts.
  [[nodiscard]] bool complete() const;
  /// The whole log has gone.
  [[nodiscard]] bool removed() const;

  /// After a complete file. False when there is none yet. `gap`: parts between the two are gone.
  Result<bool> go_on(bool& gap);

 private:
  Result<bool> open_next(std::uint64_t number);
  Result<bool> open_newest();
  Result<bool> open_part(std::uint64_t number);

  std::string directory_path_;
  std::string name_;
  Fd directory_;
  Fd fd_;
  std::uint64_t number_ = 0;
  bool wants_more_ = true;
};

}  // namespace fcvm::vm
