// OutputFile: what a verb writes for -o FILE. Owns the file under another name beside it, which is
// gone unless it was kept: so FILE is whole or what it was.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::cli {

class OutputFile {
 public:
  /// A device or a pipe is written to as it is: nothing takes its place.
  static Result<OutputFile> open(const std::string& name);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Whether it is a file that was made here, and is empty.
  [[nodiscard]] bool is_new() const { return !beside_.empty(); }
  /// It has its name from now on, with the mode that the umask gives.
  Result<void> keep();

 private:
  OutputFile(Fd fd, std::string name, std::string beside)
      : fd_(std::move(fd)), name_(std::move(name)), beside_(std::move(beside)) {}

  Fd fd_;
  std::string name_;
  std::string beside_;  // a name that nobody foresees, for the directory may be everybody's
};

/// What a guest sends never takes the last of the host's disk.
Result<void> write_leaving_room(int to, std::string_view piece);

}  // namespace fcvm::cli
