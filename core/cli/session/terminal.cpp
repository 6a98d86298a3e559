// See terminal.hpp.
#include "core/cli/session/terminal.hpp"

#include <csignal>
#include <cstdlib>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace fcvm::cli {
namespace {

// Signal handlers and exit() know no object.
termios settings_before;
volatile sig_atomic_t must_restore = 0;

constexpr int kCrashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/// Also from the background, where this would stop us.
void restore() {
  if (must_restore == 0) return;
  sigset_t output_stop;
  sigset_t before;
  ::sigemptyset(&output_stop);
  ::sigaddset(&output_stop, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &output_stop, &before);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings_before);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  must_restore = 0;
}

/// SA_RESETHAND has the signal end us once this returns.
void on_crash(int number) {
  restore();
  ::raise(number);
}

void restore_on_every_way_out() {
  static const bool done = [] {
    std::atexit(restore);
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int number : kCrashes) {
      struct sigaction before {};
      ::sigaction(number, nullptr, &before);
      // A sanitizer's own handler has more to tell.
      if (before.sa_handler == SIG_DFL) ::sigaction(number, &action, nullptr);
    }
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

bool Terminal::is_there() { return ::isatty(STDIN_FILENO) == 1; }

std::optional<wire::Resize> Terminal::size() {
  for (const int fd : {STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) return wire::Resize{size.ws_row, size.ws_col};
  }
  return std::nullopt;
}

Result<void> Terminal::enter_raw() {
  if (raw_) return {};
  // Those of before are known still when somebody else has sent the SIGCONT.
  if (must_restore == 0 && ::tcgetattr(STDIN_FILENO, &settings_before) != 0) {
    return fail_errno("reading the terminal's settings");
  }
  restore_on_every_way_out();
  termios raw = settings_before;
  ::cfmakeraw(&raw);
  must_restore = 1;
  // What was typed ahead stays.
  if (::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0) {
    must_restore = 0;
    return fail_errno("setting the terminal to raw mode");
  }
  raw_ = true;
  return {};
}

void Terminal::leave_raw() {
  if (!std::exchange(raw_, false)) return;
  restore();
}

void Terminal::stop_here() {
  const bool was_raw = raw_;
  restore();
  ::raise(SIGSTOP);
  // SIGCONT follows, and with it resume().
  raw_ = was_raw;
}

void Terminal::resume() {
  // In the background the terminal is the shell's, and the next read from it stops us.
  if (!raw_ || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return;
  raw_ = false;
  static_cast<void>(enter_raw());
}

}  // namespace fcvm::cli
