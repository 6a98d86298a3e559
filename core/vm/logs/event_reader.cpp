// Reading of event_log.hpp: what is there, then what comes.
#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/io/fd.hpp"
#include "core/vm/logs/event_line.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/logs/file_watch.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kLineLimit = 1 << 20;

/// Takes complete lines from the file, across its replacement by a shorter one.
class Reader {
 public:
  Reader(const std::filesystem::path& file, const std::function<bool(std::string_view)>& handle)
      : file_(file), handle_(handle) {}

  /// Handles every line there is now. False: the handler wants no more.
  Result<bool> drain() {
    if (!fd_ && !FCVM_TRY(open())) return true;
    if (!FCVM_TRY(read_lines())) return false;
    if (!replaced()) return true;
    // Nobody writes to the old file any more: one more look finds its last lines.
    if (!FCVM_TRY(read_lines())) return false;
    fd_.reset();
    partial_.clear();
    if (!FCVM_TRY(open())) return true;
    FCVM_TRY(skip_known());
    return read_lines();
  }

 private:
  /// False when there is no file yet.
  Result<bool> open() {
    auto fd = base::open_file(file_.string(), O_RDONLY);
    if (!fd && fd.error().code() == ENOENT) return false;
    fd_ = FCVM_TRY(std::move(fd));
    return true;
  }

  [[nodiscard]] bool replaced() const {
    struct stat ours {};
    struct stat there {};
    return ::fstat(fd_.get(), &ours) == 0 && ::stat(file_.c_str(), &there) == 0 &&
           (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev);
  }

  Result<bool> read_lines() {
    std::string chunk(64 * 1024, '\0');
    for (;;) {
      const std::size_t got = FCVM_TRY(base::read_some(fd_.get(), chunk));
      if (got == 0) return true;
      partial_.append(chunk, 0, got);
      if (!take_lines()) return false;
      if (partial_.size() > kLineLimit) partial_.clear();  // nothing of ours
    }
  }

  bool take_lines() {
    std::size_t begin = 0;
    bool go_on = true;
    for (std::size_t end; go_on && (end = partial_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      last_.assign(partial_, begin, end - begin);
      go_on = handle_(last_);
    }
    partial_.erase(0, begin);
    return go_on;
  }

  /// The new file begins with the newer half of the old one: goes behind the last line that was
  /// handled. When that is not there, all of the new file is new.
  Result<void> skip_known() {
    const auto text = FCVM_TRY(base::read_all(fd_.get(), 64 << 20));
    std::size_t offset = 0;
    const auto line = last_ + '\n';
    const auto at = last_.empty() ? std::string::npos : text.rfind(line);
    if (at != std::string::npos) offset = at + line.size();
    if (::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      return fail_errno("reading " + file_.string());
    }
    return {};
  }

  const std::filesystem::path& file_;
  const std::function<bool(std::string_view)>& handle_;
  base::Fd fd_;
  std::string partial_;
  std::string last_;
};

base::Deadline deadline_of(std::optional<std::int64_t> until_ns) {
  if (!until_ns) return base::Deadline::never();
  return base::Deadline::in(
      std::chrono::nanoseconds(std::max<std::int64_t>(0, *until_ns - now_ns())));
}

}  // namespace

Result<void> read_events(const std::filesystem::path& file, const EventRange& range,
                         const std::function<bool(const LoggedEvent&)>& handle) {
  const std::function<bool(std::string_view)> handle_line = [&](std::string_view line) {
    const auto event = event_from_line(line);
    if (!event || event->time_ns < range.since_ns) return true;
    // Supervisors write side by side: one that is too late says nothing of those behind it.
    if (range.until_ns && event->time_ns > *range.until_ns) return true;
    return handle(*event);
  };
  FileWatch watch(file);
  Reader reader(file, handle_line);
  const auto deadline = deadline_of(range.until_ns);
  for (;;) {
    const bool last = deadline.expired();  // asked before the last look, not after
    if (!FCVM_TRY(reader.drain() | context("reading the event log"))) return {};
    if (last) return {};
    watch.wait(deadline);
  }
}

}  // namespace fcvm::vm
