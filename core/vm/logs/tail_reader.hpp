// TailReader: reads a log that grows while it is read, and that goes on in another file when one is
// full or replaced. Owns the bytes of a line that has no end yet. All that follows a log reads it
// by this: `fcvm logs`, its --console and `fcvm events`.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"

namespace fcvm::vm {

/// The files that a log consists of, one of them open at a time.
class GrowingFiles {
 public:
  GrowingFiles() = default;
  GrowingFiles(const GrowingFiles&) = delete;
  GrowingFiles& operator=(const GrowingFiles&) = delete;
  virtual ~GrowingFiles() = default;

  /// False when there is no file yet.
  [[nodiscard]] virtual Result<bool> open() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual int fd() const = 0;
  /// The open file is written no more, because another has taken its place.
  [[nodiscard]] virtual bool complete() const = 0;
  /// Opens what follows a complete file. False when it is not there yet.
  [[nodiscard]] virtual Result<bool> go_on() = 0;
};

class TailReader {
 public:
  /// Gets a line without its newline, or some bytes. False ends the reading.
  using Handler = std::function<Result<bool>(std::string_view)>;
  /// Asked before each look at the files: until when to wait for more after it. Nothing makes it
  /// the last look.
  using Patience = std::function<std::optional<base::Deadline>()>;

  /// `file` is the name under which the log is written. It need not be there yet.
  TailReader(std::filesystem::path file, GrowingFiles& files)
      : file_(std::move(file)), files_(files) {}

  /// Whole lines; of what is longer than a line of ours can be, the end alone.
  [[nodiscard]] Result<void> lines(const Patience& patience, const Handler& handle);
  [[nodiscard]] Result<void> bytes(const Patience& patience, const Handler& handle);

 private:
  [[nodiscard]] Result<bool> drain(const Handler& take);
  [[nodiscard]] Result<bool> drain_file(const Handler& take);
  [[nodiscard]] Result<bool> take_lines(std::string_view bytes, const Handler& handle);

  std::filesystem::path file_;
  GrowingFiles& files_;
  std::string chunk_;
  std::string partial_;
};

}  // namespace fcvm::vm
