// See kernel_setting.hpp.
#include "plugins/net/veth/kernel_setting.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::net {

namespace {

constexpr std::chrono::milliseconds kRetry(1);

std::string path_of(const std::string& name) { return "/proc/sys/net/" + name; }

/// What `sysctl` calls it; a "." of an interface's name becomes "/", and the reverse.
std::string name_for_sysctl(std::string name) {
  for (char& letter : name) {
    if (letter == '/') {
      letter = '.';
    } else if (letter == '.') {
      letter = '/';
    }
  }
  return "net." + name;
}

std::string file_for(const std::string& directory, std::string name) {
  std::replace(name.begin(), name.end(), '/', ':');
  return directory + "/" + name;
}

Result<std::string> saved_value(const Fd& file) {
  char text[256];
  const ssize_t length = ::pread(file.get(), text, sizeof text, 0);
  if (length < 0) return fail_errno("reading a saved setting");
  return std::string(text, static_cast<std::size_t>(length));
}

Result<void> save_value(const Fd& file, const std::string& value) {
  if (::ftruncate(file.get(), 0) != 0) return fail_errno("saving a setting");
  if (value.empty()) return {};
  const ssize_t written = ::pwrite(file.get(), value.data(), value.size(), 0);
  if (written != static_cast<ssize_t>(value.size())) return fail_errno("saving a setting");
  return {};
}

/// False when another is in the way.
Result<bool> try_lock(const Fd& file, int operation) {
  if (::flock(file.get(), operation | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return fail_errno("locking a saved setting");
}

}  // namespace

Result<std::string> read_setting(const std::string& name) {
  std::string text = FCVM_TRY(base::read_file(path_of(name)));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<void> write_setting(const std::string& name, const std::string& value) {
  const auto write = [&]() -> Result<void> {
    const Fd file = FCVM_TRY(base::open_file(path_of(name), O_WRONLY));
    return base::write_all(file.get(), value);
  };
  return write() | context("setting " + name_for_sysctl(name) + "=" + value) |
         remedy("run `sysctl -w " + name_for_sysctl(name) + "=" + value +
                "` where /proc/sys can be written: in a container it often is read-only");
}

Result<void> ensure_setting(const std::string& name, const std::string& value) {
  if (FCVM_TRY(read_setting(name)) == value) return {};
  return write_setting(name, value);
}

bool has_setting(const std::string& name) { return ::access(path_of(name).c_str(), F_OK) == 0; }

Result<SharedSetting> SharedSetting::hold(const std::string& directory, const std::string& name,
                                          const std::string& value, const Call& call) {
  SharedSetting held(
      name, value,
      FCVM_TRY(base::open_file(file_for(directory, name), O_RDWR | O_CREAT | O_NOFOLLOW, 0600)));
  for (;;) {
    if (FCVM_TRY(try_lock(held.file_, LOCK_EX))) FCVM_TRY(held.take_over());
    // On the way from exclusive to shared another may come between, and put the old value back.
    const bool shared = FCVM_TRY(try_lock(held.file_, LOCK_SH));
    if (shared && FCVM_TRY(read_setting(name)) == value) return held;
    FCVM_TRY(call.sleep(kRetry));
  }
}

/// Alone: what is saved by now was saved by one who was killed.
Result<void> SharedSetting::take_over() {
  const std::string now = FCVM_TRY(read_setting(name_));
  if (now == value_) return {};
  FCVM_TRY(save_value(file_, now));
  return write_setting(name_, value_);
}

Result<void> SharedSetting::let_go() {
  // Unlocked first: of two that both asked for more than their share, neither would get it.
  ::flock(file_.get(), LOCK_UN);
  if (!FCVM_TRY(try_lock(file_, LOCK_EX))) {
    file_.reset();
    return {};
  }
  const std::string before = FCVM_TRY(saved_value(file_));
  if (!before.empty() && has_setting(name_)) {
    const std::string now = FCVM_TRY(read_setting(name_));
    if (value_.empty() || now == value_) FCVM_TRY(write_setting(name_, before));
  }
  FCVM_TRY(save_value(file_, ""));
  file_.reset();
  return {};
}

Result<void> SharedSetting::undo(const std::string& directory, const std::string& name) {
  const std::string path = file_for(directory, name);
  if (::access(path.c_str(), F_OK) != 0) return {};  // the host was started anew
  SharedSetting dead(name, "", FCVM_TRY(base::open_file(path, O_RDWR | O_NOFOLLOW)));
  return dead.let_go();
}

}  // namespace fcvm::net
