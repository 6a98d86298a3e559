// See signal_inbox.hpp.
#include "core/cli/session/signal_inbox.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace fcvm::cli {

Result<SignalInbox> SignalInbox::open(std::initializer_list<int> numbers) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int number : numbers) {
    struct sigaction action {};
    ::sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_IGN) ::sigaddset(&wanted, number);
  }
  Fd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno("making a descriptor for signals");
  sigset_t before;
  if (::sigprocmask(SIG_BLOCK, &wanted, &before) != 0) return fail_errno("blocking signals");
  return SignalInbox(std::move(fd), before);
}

SignalInbox::~SignalInbox() {
  if (fd_) ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalInbox::take() const {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace fcvm::cli
