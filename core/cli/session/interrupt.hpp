// Interrupt: while it lives, Ctrl-C, Ctrl-\, a hang-up and TERM end what this process waits for and
// not the process, so that what was begun is undone. Owns a thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/cli/session/signal_inbox.hpp"

namespace fcvm::cli {

class Interrupt {
 public:
  /// `cancel` is called on its thread, again and again from the first signal on: a cancel between
  /// two waits would be lost. For a process that has no other thread yet.
  [[nodiscard]] static Result<std::unique_ptr<Interrupt>> open(std::function<void()> cancel);
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// Which signal came, if one did.
  [[nodiscard]] std::optional<int> signal() const;

 private:
  Interrupt(SignalInbox inbox, Fd over, std::function<void()> cancel);
  void run();

  SignalInbox inbox_;
  Fd over_;  // readable once this is to end
  std::function<void()> cancel_;
  std::atomic<int> signal_{0};
  std::thread thread_;
};

}  // namespace fcvm::cli
