#include "core/cli/session/interrupt.hpp"

#include <array>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace fcvm::cli {
namespace {

constexpr int kAgainMs = 100;

}  // namespace

Result<std::unique_ptr<Interrupt>> Interrupt::open(std::function<void()> cancel) {
  auto inbox = FCVM_TRY(SignalInbox::open({SIGINT, SIGQUIT, SIGHUP, SIGTERM}));
  Fd over(::eventfd(0, EFD_CLOEXEC));
  if (!over) return fail_errno("making an eventfd");
  return std::unique_ptr<Interrupt>(
      new Interrupt(std::move(inbox), std::move(over), std::move(cancel)));
}

Interrupt::Interrupt(SignalInbox inbox, Fd over, std::function<void()> cancel)
    : inbox_(std::move(inbox)),
      over_(std::move(over)),
      cancel_(std::move(cancel)),
      thread_([this] { run(); }) {}

Interrupt::~Interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(over_.get(), &one, sizeof one);
  thread_.join();
}

std::optional<int> Interrupt::signal() const {
  const int signal = signal_;
  return signal == 0 ? std::nullopt : std::optional(signal);
}

void Interrupt::run() {
  std::array<pollfd, 2> fds = {{{over_.get(), POLLIN, 0}, {inbox_.fd(), POLLIN, 0}}};
  for (;;) {
    if (::poll(fds.data(), fds.size(), signal_ == 0 ? -1 : kAgainMs) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) return;
    if (const auto signal = inbox_.take()) signal_ = *signal;
    if (signal_ != 0) cancel_();
  }
}

}  // namespace fcvm::cli
