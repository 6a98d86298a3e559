// One line of a container's log as it lies in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/vm/logs/output_log.hpp"

namespace fcvm::vm {

struct LogLine {
  std::int64_t time_ns = 0;
  LogStream stream = LogStream::kStdout;
  std::string_view text;  // without the newline
  bool complete = true;
};

/// The longest text in one line of the file; what is longer is cut into P lines.
inline constexpr std::size_t kLogPiece = 16 * 1024;

/// Appends "TIME stream TAG text\n".
void append_log_line(std::string& to, std::string_view time, LogStream stream, char tag,
                     std::string_view text);
/// `line` is without its newline; the answer borrows from it.
[[nodiscard]] std::optional<LogLine> parse_log_line(std::string_view line);

/// Where the last `lines` lines of a log begin, found from its end, and how many these are.
struct LogTail {
  std::int64_t begin = 0;
  std::size_t lines = 0;
};
[[nodiscard]] Result<LogTail> find_log_tail(int fd, std::size_t lines);

}  // namespace fcvm::vm
