// Writing of container_log.hpp; reading is in container_log_reader.cpp.
#include "core/vm/container_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fd.hpp"
#include "core/vm/log_line.hpp"
#include "core/vm/time_text.hpp"

namespace fcvm::vm {

Result<ContainerLogWriter> ContainerLogWriter::open(const std::filesystem::path& file) {
  return ContainerLogWriter(
      FCVM_TRY(base::open_file(file.string(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600) |
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

Result<void> ContainerLogWriter::append(std::string_view lines) {
  if (lines.empty()) return {};
  const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
  auto written = base::write_all(fd_.get(), lines) | context("writing the container's log");
  // Half a line would spoil the next one; this writer is the only one.
  if (!written && size >= 0 && ::ftruncate(fd_.get(), size) != 0) {
    return unexpected(std::move(written).error().context("and what was written stays"));
  }
  return written;
}

}  // namespace fcvm::vm
