// MemoryGuest: owns a process that takes its memory as a clone's VMM does, and reads it.
#pragma once

#include <cstdint>
#include <optional>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::check {

/// False where this user may not: then no VMM of his can have a page server.
[[nodiscard]] bool userfaultfd_opens();

class MemoryGuest {
 public:
  static constexpr std::uint64_t kPage = 4096;

  /// In the clone's directory. Fails when the offer leads nowhere.
  static Result<MemoryGuest> start(int directory, const fcvm_memory_offer& offer,
                                   std::uint64_t memory_bytes);
  MemoryGuest(MemoryGuest&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        pidfd_(std::move(other.pidfd_)),
        control_(std::move(other.control_)) {}
  MemoryGuest& operator=(MemoryGuest&&) = delete;
  ~MemoryGuest() { end(); }

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// The byte of which the page is full, '?' when it is not of one; nothing when none came in time,
  /// since the process stands still or was ended.
  [[nodiscard]] std::optional<char> page(std::uint64_t number, int timeout_ms);
  /// As a balloon does.
  void give_back(std::uint64_t number);
  void end();

 private:
  MemoryGuest(int pid, Fd pidfd, Fd control)
      : pid_(pid), pidfd_(std::move(pidfd)), control_(std::move(control)) {}
  [[nodiscard]] std::optional<char> ask(char what, std::uint64_t number, int timeout_ms);

  int pid_;
  Fd pidfd_;
  Fd control_;
};

}  // namespace fcvm::check
