// See child.hpp; ProcessId is in process_id.cpp.
#include "core/base/process/child.hpp"

#include <cstring>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "core/base/io/poll.hpp"
#include "core/base/process/process_id.hpp"

namespace fcvm::base {

namespace {

// musl and older glibc have no name for it.
constexpr auto kByPidfd = static_cast<idtype_t>(3);

std::string on_child(const char* doing, pid_t pid) {
  return std::string(doing) + " process " + std::to_string(pid);
}

}  // namespace

std::string ExitStatus::describe() const {
  if (signal_ == 0) return "exited with " + std::to_string(code_);
  return "was killed by signal " + std::to_string(signal_) + " (" + ::strsignal(signal_) + ")";
}

Child::Child(Child&& other) noexcept
    : pid_(other.pid_), pidfd_(std::move(other.pidfd_)), status_(other.status_) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  kill_and_reap();
  pid_ = other.pid_;
  pidfd_ = std::move(other.pidfd_);
  status_ = other.status_;
  return *this;
}

Child::~Child() { kill_and_reap(); }

Result<ExitStatus> Child::wait(Deadline deadline) {
  if (status_) return *status_;
  FCVM_TRY(wait_readable(pidfd_.get(), deadline) | context(on_child("waiting for", pid_)));
  const std::optional<ExitStatus> ended = FCVM_TRY(reap(0));
  return *ended;
}

Result<std::optional<ExitStatus>> Child::try_wait() {
  if (status_) return status_;
  return reap(WNOHANG);
}

Result<std::optional<ExitStatus>> Child::reap(int options) {
  siginfo_t info{};
  int rc = 0;
  do {
    rc = ::waitid(kByPidfd, static_cast<id_t>(pidfd_.get()), &info, WEXITED | options);
  } while (rc != 0 && errno == EINTR);
  if (rc != 0) return fail_errno(on_child("waiting for", pid_));
  if (info.si_pid == 0) return std::optional<ExitStatus>();
  status_ = info.si_code == CLD_EXITED ? ExitStatus::exited(info.si_status)
                                       : ExitStatus::signaled(info.si_status);
  return status_;
}

Result<void> Child::signal(int number) {
  if (status_) return fail(ESRCH, on_child("signalling", pid_) + ": it has ended");
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0) {
    return fail_errno(on_child("signalling", pid_));
  }
  return {};
}

Result<ExitStatus> Child::stop(std::chrono::milliseconds grace, int number) {
  if (status_) return *status_;
  FCVM_TRY(signal(number));
  auto ended = wait(Deadline::in(grace));
  if (ended || ended.error().code() != ETIMEDOUT) return ended;
  FCVM_TRY(signal(SIGKILL));
  return wait(Deadline::in(kReapLimit));
}

void Child::kill_and_reap() noexcept {
  if (status_ || !pidfd_) return;
  (void)signal(SIGKILL);
  (void)wait(Deadline::in(kReapLimit));
}

}  // namespace fcvm::base
