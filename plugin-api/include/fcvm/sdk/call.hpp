// fcvm::Call: the deadline and the cancellation of one blocking verb.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm {

[[nodiscard]] inline std::int64_t monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Wakes the blocking verbs of one instance. An eventfd, so that a verb can poll it beside its own
/// work; drained when the last verb has left, so that one cancel never hits the next verb.
class CancelSource {
 public:
  CancelSource() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void enter() {
    const std::lock_guard lock(mutex_);
    ++calls_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--calls_ == 0) {
      std::uint64_t count = 0;
      while (::read(event_.get(), &count, sizeof count) > 0) {
      }
      cancelled_ = false;
    }
  }
  void cancel() {
    const std::lock_guard lock(mutex_);
    if (calls_ == 0) return;
    cancelled_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  std::mutex mutex_;
  Fd event_;
  int calls_ = 0;
  std::atomic<bool> cancelled_{false};
};

/// Passed to every blocking verb. Use its waits, and deadline and cancel are right by themselves.
class Call {
 public:
  Call(CancelSource& source, std::int64_t deadline) : source_(source), deadline_(deadline) {
    source_.enter();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { source_.leave(); }

  /// Absolute CLOCK_MONOTONIC nanoseconds, to hand on to a host service.
  [[nodiscard]] std::int64_t deadline() const { return deadline_; }
  [[nodiscard]] bool cancelled() const { return source_.cancelled(); }
  /// Readable once cancelled: for a verb with a poll loop of its own.
  [[nodiscard]] int cancel_fd() const { return source_.fd(); }

  [[nodiscard]] std::chrono::nanoseconds remaining() const {
    if (deadline_ == FCVM_NO_DEADLINE) return std::chrono::hours(24 * 365);
    return std::chrono::nanoseconds(std::max<std::int64_t>(0, deadline_ - monotonic_now()));
  }

  /// Fails with ECANCELED or ETIMEDOUT; between two steps of a long verb.
  Result<void> check() const {
    if (cancelled()) return fail(ECANCELED, "canceled");
    if (remaining().count() == 0) return fail(ETIMEDOUT, "timed out");
    return {};
  }

  /// Waits until `fd` has `events` (POLLIN, POLLOUT).
  Result<void> wait(int fd, short events) const {
    for (;;) {
      FCVM_TRY(check());
      pollfd fds[2] = {{source_.fd(), POLLIN, 0}, {fd, events, 0}};
      const int ready = ::poll(fds, 2, poll_timeout(remaining()));
      if (ready < 0 && errno != EINTR) return fail_errno("waiting for a file descriptor");
      if (ready > 0 && fds[1].revents != 0) return {};
    }
  }

  /// Sleeps, but no longer than the deadline, and not when cancelled.
  Result<void> sleep(std::chrono::nanoseconds duration) const {
    const std::int64_t until = monotonic_now() + duration.count();
    for (;;) {
      FCVM_TRY(check());
      const std::chrono::nanoseconds left(until - monotonic_now());
      if (left.count() <= 0) return {};
      pollfd cancel = {source_.fd(), POLLIN, 0};
      ::poll(&cancel, 1, poll_timeout(std::min(left, remaining())));
    }
  }

 private:
  static int poll_timeout(std::chrono::nanoseconds left) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count() + 1;
    return static_cast<int>(std::min<std::int64_t>(ms, 60'000));
  }

  CancelSource& source_;
  std::int64_t deadline_;
};

}  // namespace fcvm
