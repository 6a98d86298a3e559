// The container's log: what it wrote, line by line with time and stream, in the k8s-file format
// that podman writes too ("2026-11-20T19:00:00.123456789+00:00 stdout F text"; P marks a line
// without its end). Bytes are kept exactly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/base/io/rotating_file.hpp"
#include "core/vm/logs/log_line.hpp"
#include "core/vm/logs/output_log.hpp"

namespace fcvm::vm {

class ContainerLogWriter : public OutputLog {
 public:
  [[nodiscard]] static Result<ContainerLogWriter> open(const std::filesystem::path& file,
                                                       base::RotatingFile::Limits limits = {});
  /// Writes complete lines as F; the rest of a line waits for its end, at most 16 KiB, then is a P.
  /// All with one write. When that fails (a full disk), no part of it stays in the file.
  [[nodiscard]] Result<void> write(LogStream stream, std::string_view bytes) override;
  /// Writes what still waits.
  [[nodiscard]] Result<void> finish() override;

 private:
  explicit ContainerLogWriter(base::RotatingFile file) : file_(std::move(file)) {}

  [[nodiscard]] Result<void> append(std::string_view lines);

  base::RotatingFile file_;
  std::string waiting_[2];
};

struct LogQuery {
  std::optional<std::int64_t> since_ns{};
  std::optional<std::int64_t> until_ns{};
  std::optional<std::size_t> tail{};
  /// Asked when the end is reached, and some times a second while nothing comes: true waits for
  /// more (inotify), false ends after a last look.
  std::function<bool()> follow{};
  /// Called where what should come next was dropped: the container wrote more than its log may
  /// hold.
  std::function<void()> on_dropped{};
};

/// Calls `handle` for each line, or part of one, in all parts of the log that are there; it returns
/// false to end. `tail` counts whole lines, before `since` and `until` take theirs away. A log that
/// is not there is empty. What is not in the format is skipped.
[[nodiscard]] Result<void> read_container_log(const std::filesystem::path& file,
                                              const LogQuery& query,
                                              const std::function<bool(const LogLine&)>& handle);

}  // namespace fcvm::vm
