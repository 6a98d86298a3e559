// Writing of event_log.hpp; reading is in event_reader.cpp.
#include "core/vm/logs/event_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "core/vm/logs/event_line.hpp"

namespace fcvm::vm {
namespace {

constexpr off_t kLongest = 4 << 20;
constexpr std::size_t kReadLimit = 64 << 20;
/// Rather an event is lost than a supervisor held by another process that does not go on.
constexpr std::chrono::seconds kLockPatience{5};

// Writers share the lock, so that none writes to a file that is just being replaced.
Result<base::FileLock> lock_events(const std::filesystem::path& file, base::FileLock::Mode mode) {
  return base::FileLock::acquire(file.string() + ".lock", base::Deadline::in(kLockPatience), mode);
}

Result<off_t> append(const std::filesystem::path& file, std::string_view line) {
  const auto lock = FCVM_TRY(lock_events(file, base::FileLock::Mode::kShared));
  base::Fd fd =
      FCVM_TRY(base::open_file(file.string(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
  FCVM_TRY(base::write_all(fd.get(), line) | context("writing " + file.string()));
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  FCVM_TRY(fd.close());
  return size;
}

/// Leaves the newer half, from the beginning of a line on.
Result<void> cut(const std::filesystem::path& file) {
  const auto lock = FCVM_TRY(lock_events(file, base::FileLock::Mode::kExclusive));
  const auto text = FCVM_TRY(base::read_file(file.string(), kReadLimit));
  // Another may have cut it while we waited for the lock.
  if (text.size() <= static_cast<std::size_t>(kLongest)) return {};
  const auto line_end = text.find('\n', text.size() - kLongest / 2);
  const auto rest = line_end == std::string::npos ? std::string_view()
                                                  : std::string_view(text).substr(line_end + 1);
  return base::write_file_atomic(file.string(), rest, 0600);
}

}  // namespace

Result<void> log_event(const std::filesystem::path& file, const LoggedEvent& event) {
  const off_t size = FCVM_TRY(append(file, event_to_line(event)) | context("logging an event"));
  if (size > kLongest) FCVM_TRY(cut(file) | context("cutting the event log"));
  return {};
}

Result<void> sweep_events(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(file.parent_path(), error)) return {};
  // Whoever writes one holds the lock.
  const auto lock = FCVM_TRY(lock_events(file, base::FileLock::Mode::kExclusive));
  const std::string prefix = "." + file.filename().string() + ".";
  for (const auto& entry : fs::directory_iterator(file.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".tmp")) fs::remove(entry.path(), error);
  }
  return {};
}

}  // namespace fcvm::vm
