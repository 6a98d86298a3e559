// Child: owns a child process by pidfd; whatever happens, it is killed and reaped with its owner.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"

namespace fcvm::base {

/// How a process ended.
class ExitStatus {
 public:
  static constexpr ExitStatus exited(int code) { return {code, 0}; }
  static constexpr ExitStatus signaled(int signal) { return {0, signal}; }

  [[nodiscard]] constexpr bool success() const { return code_ == 0 && signal_ == 0; }
  /// What it passed to exit(); nothing when a signal ended it.
  [[nodiscard]] constexpr std::optional<int> code() const {
    return signal_ == 0 ? std::optional(code_) : std::nullopt;
  }
  [[nodiscard]] constexpr std::optional<int> signal() const {
    return signal_ != 0 ? std::optional(signal_) : std::nullopt;
  }
  /// "exited with 3" or "was killed by signal 9 (Killed)".
  [[nodiscard]] std::string describe() const;

  friend constexpr bool operator==(const ExitStatus&, const ExitStatus&) = default;

 private:
  constexpr ExitStatus(int code, int signal) : code_(code), signal_(signal) {}

  int code_;
  int signal_;
};

/// One thread at a time. A process that also reaps with waitpid(-1) has to leave Child's pids alone
/// (peek with WNOWAIT first), or wait() fails with ECHILD.
class Child {
 public:
  /// Takes charge of a child of this process; spawn() is how to get one.
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Kills it, if it lives, and reaps it; gives up after kReapLimit on a process that the kernel
  /// holds in an uninterruptible wait.
  ~Child();

  static constexpr std::chrono::seconds kReapLimit{10};

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Readable once the process has ended: for poll() or a Loop.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  /// Waits and reaps; ETIMEDOUT when it still runs at the deadline. Once reaped, every later call
  /// returns the same status.
  Result<ExitStatus> wait(Deadline deadline = Deadline::never());
  /// Nothing when it still runs.
  Result<std::optional<ExitStatus>> try_wait();

  /// ESRCH once it was reaped.
  Result<void> signal(int number);

  /// Asks with `number`, and kills when it has not ended within `grace`; reaps. ETIMEDOUT after
  /// kReapLimit more, when the kernel holds it.
  Result<ExitStatus> stop(std::chrono::milliseconds grace, int number = SIGTERM);

 private:
  Result<std::optional<ExitStatus>> reap(int options);
  void kill_and_reap() noexcept;

  pid_t pid_ = -1;
  Fd pidfd_;
  std::optional<ExitStatus> status_;
};

}  // namespace fcvm::base
