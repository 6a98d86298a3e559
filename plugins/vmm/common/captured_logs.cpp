// See captured_logs.hpp.
#include "plugins/vmm/common/captured_logs.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "plugins/vmm/common/quiet_thread.hpp"

namespace fcvm::vmm {
namespace {

constexpr std::chrono::milliseconds kLook{1000};  // how often watched files are looked at
constexpr std::chrono::milliseconds kSettle{500};

void remove_all(int directory, const std::string& name) {
  ::unlinkat(directory, name.c_str(), 0);
  const auto parts = base::parts_of(directory, name);
  if (!parts) return;
  for (const auto number : *parts) {
    ::unlinkat(directory, base::part_name(name, number).c_str(), 0);
  }
}

}  // namespace

Result<std::unique_ptr<CapturedLogs>> CapturedLogs::open(int directory) {
  Fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!own || !wake) return fail_errno("opening the VM's directory for logs");
  return std::unique_ptr<CapturedLogs>(new CapturedLogs(std::move(own), std::move(wake)));
}

CapturedLogs::~CapturedLogs() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

Result<Fd> CapturedLogs::add(const std::string& name) {
  remove_all(directory_.get(), name);
  auto file = FCVM_TRY(base::RotatingFile::open(directory_.get(), name, kLimits));
  auto pipe = FCVM_TRY(base::Pipe::create());
  FCVM_TRY(base::set_nonblocking(pipe.read_end.get()));
  logs_.push_back({std::move(pipe.read_end), std::move(file)});
  return std::move(pipe.write_end);
}

Result<void> CapturedLogs::start() {
  thread_ = FCVM_TRY(start_quiet_thread([this] { run(); }));
  return {};
}

void CapturedLogs::settle() {
  std::unique_lock lock(mutex_);
  idle_ = false;
  ::eventfd_write(wake_.get(), 1);
  changed_.wait_for(lock, kSettle, [this] { return idle_; });
}

void CapturedLogs::run() {
  for (bool over = false; !over;) {
    std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0}};
    for (const Log& log : logs_) polled.push_back({log.from.get(), POLLIN, 0});
    const int limit = watched_.empty() ? -1 : static_cast<int>(kLook.count());
    ::poll(polled.data(), polled.size(), limit);
    eventfd_t ignored = 0;
    const bool woken = ::eventfd_read(wake_.get(), &ignored) == 0;
    if (woken) {
      const std::lock_guard lock(mutex_);
      over = stopping_;
    }
    for (Log& log : logs_) drain(log);
    cut_watched();
    if (!woken) continue;
    const std::lock_guard lock(mutex_);
    idle_ = true;
    changed_.notify_all();
  }
}

/// As much as a pipe holds, so that each gets its turn. A file that cannot be written (a full disk)
/// loses what came; its writer goes on.
void CapturedLogs::drain(Log& log) {
  std::array<char, 64 << 10> bytes;
  if (!log.from) return;
  const ssize_t count = ::read(log.from.get(), bytes.data(), bytes.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return log.from.reset();
  (void)log.file.append({bytes.data(), static_cast<std::size_t>(count)});
}

/// By what it takes of the disk: whoever writes at an offset makes a hole of what was cut.
void CapturedLogs::cut_watched() const {
  for (const auto& name : watched_) {
    struct stat info {};
    if (::fstatat(directory_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode)) continue;
    if (static_cast<std::uint64_t>(info.st_blocks) * 512 <= kLimits.max_size) continue;
    const Fd file(
        ::openat(directory_.get(), name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file) [[maybe_unused]]
      const int cut = ::ftruncate(file.get(), 0);
  }
}

}  // namespace fcvm::vmm
