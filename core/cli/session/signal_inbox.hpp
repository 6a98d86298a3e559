// SignalInbox: signals as something to read, in place of their effect. Owns the descriptor and the
// mask that was before.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::cli {

class SignalInbox {
 public:
  /// Takes these signals; those that are ignored, as nohup does, stay so. For a process that has no
  /// other thread.
  [[nodiscard]] static Result<SignalInbox> open(std::initializer_list<int> numbers);
  SignalInbox(SignalInbox&&) = default;
  SignalInbox& operator=(SignalInbox&&) = delete;
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;
  ~SignalInbox();

  /// The next one that has come, or nothing.
  [[nodiscard]] std::optional<int> take() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  SignalInbox(Fd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}

  Fd fd_;
  sigset_t before_;
};

}  // namespace fcvm::cli
