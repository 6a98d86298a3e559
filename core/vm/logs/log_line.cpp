#include "core/vm/logs/log_line.hpp"

#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {
namespace {

constexpr std::string_view kStdout = " stdout ";
constexpr std::string_view kStderr = " stderr ";

/// A file from its end: hands over lines, the last one first.
class BackwardLines {
 public:
  explicit BackwardLines(int fd, std::int64_t size) : fd_(fd), begin_(size), line_end_(size) {}

  /// False at the beginning of the file. `line` is without its newline, valid until the next call.
  Result<bool> next(std::string_view& line, std::int64_t& offset) {
    if (line_end_ == 0) return false;
    // The newline that ends this line is not the one that ends the line before.
    std::size_t search_end = static_cast<std::size_t>(line_end_ - begin_);
    for (;;) {
      const std::size_t newline =
          search_end < 2 ? std::string::npos : buffer_.rfind('\n', search_end - 2);
      if (newline != std::string::npos) return take(newline + 1, line, offset);
      if (begin_ == 0) return take(0, line, offset);
      search_end += FCVM_TRY(read_more());
    }
  }

 private:
  bool take(std::size_t from, std::string_view& line, std::int64_t& offset) {
    line =
        std::string_view(buffer_).substr(from, static_cast<std::size_t>(line_end_ - begin_) - from);
    if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
    offset = line_end_ = begin_ + static_cast<std::int64_t>(from);
    return true;
  }

  /// Puts a block in front, and drops from the buffer's end what was handed over.
  Result<std::size_t> read_more() {
    constexpr std::int64_t kBlock = 256 * 1024;
    const auto size = static_cast<std::size_t>(std::min(kBlock, begin_));
    std::string block(size, '\0');
    for (std::size_t done = 0; done < size;) {
      const ssize_t got = ::pread(fd_, block.data() + done, size - done,
                                  begin_ - static_cast<std::int64_t>(size - done));
      if (got < 0 && errno != EINTR) return fail_errno("reading the container's log");
      if (got == 0) return fail(EIO, "the container's log was cut while it was read");
      if (got > 0) done += static_cast<std::size_t>(got);
    }
    buffer_.resize(static_cast<std::size_t>(line_end_ - begin_));
    buffer_.insert(0, block);
    begin_ -= static_cast<std::int64_t>(size);
    return size;
  }

  int fd_;
  std::int64_t begin_;     // where the buffer begins in the file
  std::int64_t line_end_;  // where the next line to hand over ends
  std::string buffer_;
};

}  // namespace

void append_log_line(std::string& to, std::string_view time, LogStream stream, char tag,
                     std::string_view text) {
  to += time;
  to += stream == LogStream::kStdout ? kStdout : kStderr;
  to += tag;
  to += ' ';
  to += text;
  to += '\n';
}

std::optional<LogLine> parse_log_line(std::string_view line) {
  LogLine parsed;
  const std::size_t space = line.substr(0, 64).find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto time = parse_rfc3339(line.substr(0, space));
  line.remove_prefix(space);
  if (!time || line.size() < kStdout.size() + 1) return std::nullopt;
  const auto stream = line.substr(0, kStdout.size());
  if (stream != kStdout && stream != kStderr) return std::nullopt;
  parsed.time_ns = *time;
  parsed.stream = stream == kStdout ? LogStream::kStdout : LogStream::kStderr;
  line.remove_prefix(kStdout.size());
  if (line[0] != 'F' && line[0] != 'P') return std::nullopt;
  parsed.complete = line[0] == 'F';
  line.remove_prefix(1);
  if (!line.empty() && line.front() != ' ') return std::nullopt;
  parsed.text = line.empty() ? line : line.substr(1);
  return parsed;
}

Result<LogTail> find_log_tail(int fd, std::size_t lines) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail_errno("looking at the container's log");
  std::int64_t begin = info.st_size;
  if (lines == 0) return LogTail{begin, 0};
  BackwardLines backward(fd, info.st_size);
  std::array<bool, 2> stream_seen{};
  std::size_t counted = 0;
  std::string_view line;
  std::int64_t offset = 0;
  while (FCVM_TRY(backward.next(line, offset))) {
    const auto parsed = parse_log_line(line);
    if (!parsed) continue;
    bool& seen = stream_seen[static_cast<std::size_t>(parsed->stream)];
    // Parts belong to the line that ends behind them; at the very end, they are a line themselves.
    if ((parsed->complete || !seen) && ++counted > lines) return LogTail{begin, lines};
    seen = true;
    begin = offset;
  }
  return LogTail{begin, counted};
}

}  // namespace fcvm::vm
