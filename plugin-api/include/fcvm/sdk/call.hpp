// fcvm::Call: the deadline and the cancellation of one blocking verb.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm {

[[nodiscard]] inline std::int64_t monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Call;

/// Knows the blocking verbs that run on one instance, and cancels those that do: one that begins
/// afterwards is not concerned, whatever still runs beside it.
class CancelSource {
 public:
  CancelSource() = default;
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;

  void cancel();

 private:
  friend class Call;
  std::mutex mutex_;
  Call* first_ = nullptr;  // a list through Call::next_
};

/// Passed to every blocking verb. Use its waits, and deadline and cancel are right by themselves.
class Call {
 public:
  Call(CancelSource& source, std::int64_t deadline) : source_(source), deadline_(deadline) {
    const std::lock_guard lock(source_.mutex_);
    next_ = std::exchange(source_.first_, this);
    if (next_ != nullptr) next_->before_ = this;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    const std::lock_guard lock(source_.mutex_);
    if (next_ != nullptr) next_->before_ = before_;
    (before_ != nullptr ? before_->next_ : source_.first_) = next_;
  }

  /// Absolute CLOCK_MONOTONIC nanoseconds, to hand on to a host service.
  [[nodiscard]] std::int64_t deadline() const { return deadline_; }
  /// The same, but at most this far away.
  [[nodiscard]] std::int64_t deadline(std::optional<std::chrono::nanoseconds> within) const {
    return within ? std::min(deadline_, monotonic_now() + within->count()) : deadline_;
  }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  /// Readable once cancelled: for a verb with a poll loop of its own. An eventfd that is made when
  /// it is first asked for.
  [[nodiscard]] int cancel_fd() const {
    const std::lock_guard lock(source_.mutex_);
    if (!event_) event_ = Fd(::eventfd(cancelled_ ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK));
    return event_.get();
  }

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
    const int cancel = cancel_fd();
    for (;;) {
      FCVM_TRY(check());
      pollfd fds[2] = {{cancel, POLLIN, 0}, {fd, events, 0}};
      const int ready = ::poll(fds, 2, poll_timeout(remaining()));
      if (ready < 0 && errno != EINTR) return fail_errno("waiting for a file descriptor");
      if (ready > 0 && fds[1].revents != 0) return {};
    }
  }

  /// Sleeps, but no longer than the deadline, and not when cancelled.
  Result<void> sleep(std::chrono::nanoseconds duration) const {
    const std::int64_t until = monotonic_now() + duration.count();
    pollfd cancel = {cancel_fd(), POLLIN, 0};
    for (;;) {
      FCVM_TRY(check());
      const std::chrono::nanoseconds left(until - monotonic_now());
      if (left.count() <= 0) return {};
      ::poll(&cancel, 1, poll_timeout(std::min(left, remaining())));
    }
  }

 private:
  static int poll_timeout(std::chrono::nanoseconds left) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count() + 1;
    return static_cast<int>(std::min<std::int64_t>(ms, 60'000));
  }

  friend class CancelSource;

  CancelSource& source_;
  const std::int64_t deadline_;
  std::atomic<bool> cancelled_{false};
  // The source's mutex guards these.
  Call* before_ = nullptr;
  Call* next_ = nullptr;
  mutable Fd event_;
};

inline void CancelSource::cancel() {
  const std::lock_guard lock(mutex_);
  for (Call* call = first_; call != nullptr; call = call->next_) {
    call->cancelled_ = true;
    if (call->event_) ::eventfd_write(call->event_.get(), 1);
  }
}

}  // namespace fcvm
