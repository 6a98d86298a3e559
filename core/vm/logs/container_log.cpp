// See container_log.hpp.
#include "core/vm/logs/container_log.hpp"

#include <chrono>
#include <fcntl.h>

#include "core/base/io/fd.hpp"
#include "core/vm/logs/log_files.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {
namespace {

// How often follow() is asked while nothing comes.
constexpr std::chrono::milliseconds kAskAgain{200};

bool in_range(const LogQuery& query, const LogLine& line) {
  if (query.since_ns && line.time_ns < *query.since_ns) return false;
  // Not the end yet: a clock that is set back makes times go back.
  return !query.until_ns || line.time_ns <= *query.until_ns;
}

bool goes_on(const LogQuery& query) {
  const bool in_time = !query.until_ns || now_ns() <= *query.until_ns;
  return query.follow && in_time && query.follow();
}

}  // namespace

Result<ContainerLogWriter> ContainerLogWriter::open(const std::filesystem::path& file,
                                                    base::RotatingFile::Limits limits) {
  const Fd directory = FCVM_TRY(base::open_file(file.parent_path().string(), O_PATH | O_DIRECTORY) |
                                context("opening the container's log"));
  return ContainerLogWriter(
      FCVM_TRY(base::RotatingFile::open(directory.get(), file.filename().string(), limits) |
               context("opening the container's log")));
}

Result<void> ContainerLogWriter::write(LogStream stream, std::string_view bytes) {
  const std::string time = rfc3339(now_ns());
  std::string& waiting = waiting_[static_cast<std::size_t>(stream)];
  std::string lines;
  while (!bytes.empty()) {
    const std::size_t room = kLogPiece - waiting.size();
    const std::size_t newline = bytes.substr(0, room).find('\n');
    const bool complete = newline != std::string_view::npos;
    const std::size_t taken = complete ? newline : std::min(room, bytes.size());
    waiting.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken + (complete ? 1 : 0));
    // A full piece goes when more comes, so that its newline, if that is next, still makes it an F.
    const bool full = !complete && waiting.size() == kLogPiece && !bytes.empty();
    if (!complete && !full) continue;
    const bool newline_next = full && bytes.front() == '\n';
    if (newline_next) bytes.remove_prefix(1);
    append_log_line(lines, time, stream, complete || newline_next ? 'F' : 'P', waiting);
    waiting.clear();
  }
  return append(lines);
}

Result<void> ContainerLogWriter::finish() {
  std::string lines;
  for (const LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
    std::string& waiting = waiting_[static_cast<std::size_t>(stream)];
    if (!waiting.empty()) append_log_line(lines, rfc3339(now_ns()), stream, 'P', waiting);
    waiting.clear();
  }
  return append(lines);
}

/// Each file holds whole lines.
Result<void> ContainerLogWriter::append(std::string_view lines) {
  while (!lines.empty()) {
    std::size_t size = lines.size();
    if (size > file_.limits().max_size) {
      const auto end = lines.rfind('\n', file_.limits().max_size - 1);
      size = (end == std::string_view::npos ? lines.find('\n') : end) + 1;
    }
    FCVM_TRY(file_.append(lines.substr(0, size)) | context("writing the container's log"));
    lines.remove_prefix(size);
  }
  return {};
}

Result<void> read_container_log(const std::filesystem::path& file, const LogQuery& query,
                                const std::function<bool(const LogLine&)>& handle) {
  LogFiles files(file, query.tail, [&](LogGap) {
    if (query.on_dropped) query.on_dropped();
  });
  const auto patience = [&]() -> std::optional<base::Deadline> {
    if (!goes_on(query) || files.removed()) return std::nullopt;
    return base::Deadline::in(kAskAgain);
  };
  return TailReader(file, files).lines(patience, [&](std::string_view text) -> Result<bool> {
    const auto line = parse_log_line(text);
    return !line || !in_range(query, *line) || handle(*line);
  });
}

}  // namespace fcvm::vm
