// See event_log.hpp.
#include "core/vm/logs/event_log.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "core/base/json_number.hpp"
#include "core/vm/logs/tail_reader.hpp"
#include "core/vm/model/json_text.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {
namespace {

using Json = nlohmann::ordered_json;

// Every line begins so, and no text within one can: its quotes would be escaped.
constexpr std::string_view kBegin = "{\"time_ns\":";

LoggedEvent read_event(const Json& json) {
  LoggedEvent event;
  event.time_ns = base::json_number<std::int64_t>(json.at("time_ns"));
  event.type = from_json_text(json.at("type"));
  event.id = from_json_text(json.at("id"));
  event.name = from_json_text(json.at("name"));
  event.image = from_json_text(json.at("image"));
  for (const Json& pair : json.at("attributes")) {
    event.attributes[from_json_text(pair.at(0))] = from_json_text(pair.at(1));
  }
  return event;
}

/// With its newline.
std::string event_to_line(const LoggedEvent& event) {
  Json attributes = Json::array();
  for (const auto& [key, value] : event.attributes) {
    attributes.push_back(Json::array({to_json_text(key), to_json_text(value)}));
  }
  const Json json = {{"time_ns", event.time_ns},           {"type", to_json_text(event.type)},
                     {"id", to_json_text(event.id)},       {"name", to_json_text(event.name)},
                     {"image", to_json_text(event.image)}, {"attributes", std::move(attributes)}};
  return json.dump() + '\n';
}

/// Nothing for what is not an event. A line that a crash tore apart, so that it runs into the next
/// one, gives the next one.
std::optional<LoggedEvent> event_from_line(std::string_view line) {
  const auto begin = line.rfind(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  try {
    return read_event(Json::parse(line.substr(begin)));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

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

/// The log, across its replacement by a shorter one.
class EventFiles : public GrowingFiles {
 public:
  explicit EventFiles(const std::filesystem::path& file) : file_(file) {}

  Result<bool> open() override {
    auto fd = base::open_file(file_.string(), O_RDONLY);
    if (!fd && fd.error().code() == ENOENT) return false;
    fd_ = FCVM_TRY(std::move(fd));
    return true;
  }
  [[nodiscard]] bool is_open() const override { return fd_.valid(); }
  [[nodiscard]] int fd() const override { return fd_.get(); }
  [[nodiscard]] bool complete() const override {
    struct stat ours {};
    struct stat there {};
    return ::fstat(fd_.get(), &ours) == 0 && ::stat(file_.c_str(), &there) == 0 &&
           (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev);
  }
  Result<bool> go_on() override {
    if (!FCVM_TRY(open())) return false;
    FCVM_TRY(skip_known());
    return true;
  }

  /// The last line that was read.
  void passed(std::string_view line) { last_ = line; }

 private:
  /// The new file begins with the newer half of the old one: goes behind the last line that was
  /// read. When that is not there, all of the new file is new.
  Result<void> skip_known() {
    const auto text = FCVM_TRY(base::read_all(fd_.get(), kReadLimit));
    std::size_t offset = 0;
    const auto line = last_ + '\n';
    const auto at = last_.empty() ? std::string::npos : text.rfind(line);
    if (at != std::string::npos) offset = at + line.size();
    if (::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      return fail_errno("looking for the line that was read last");
    }
    return {};
  }

  const std::filesystem::path& file_;
  base::Fd fd_;
  std::string last_;
};

base::Deadline deadline_of(std::optional<std::int64_t> until_ns) {
  if (!until_ns) return base::Deadline::never();
  return base::Deadline::in(
      std::chrono::nanoseconds(std::max<std::int64_t>(0, *until_ns - now_ns())));
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

Result<void> read_events(const std::filesystem::path& file, const EventRange& range,
                         const std::function<bool(const LoggedEvent&)>& handle) {
  EventFiles files(file);
  const auto deadline = deadline_of(range.until_ns);
  const auto patience = [&]() -> std::optional<base::Deadline> {
    if (deadline.expired()) return std::nullopt;
    return deadline;
  };
  const auto handle_line = [&](std::string_view line) -> Result<bool> {
    files.passed(line);
    const auto event = event_from_line(line);
    if (!event || event->time_ns < range.since_ns) return true;
    // Supervisors write side by side: one that is too late says nothing of those behind it.
    if (range.until_ns && event->time_ns > *range.until_ns) return true;
    return handle(*event);
  };
  return TailReader(file, files).lines(patience, handle_line) | context("reading the event log");
}

}  // namespace fcvm::vm
