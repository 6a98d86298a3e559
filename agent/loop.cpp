// See loop.hpp.
#include "agent/loop.hpp"

#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace fcvm::agent {

Result<std::unique_ptr<Loop>> Loop::create() {
  std::unique_ptr<Loop> loop(new Loop);
  FCVM_TRY(loop->open());
  FCVM_TRY(loop->watch_children());
  return loop;
}

Result<void> Loop::watch_children() {
  sigset_t mask;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &mask, nullptr);
  signals_ = base::Fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return fail_errno("making a signalfd");
  return watch(signals_.get(), EPOLLIN, [this](Events) { reap(); });
}

Loop::SeekerId Loop::add_seeker(std::function<void()> seek) {
  seekers_[++last_seeker_] = std::move(seek);
  return last_seeker_;
}

void Loop::seek_children() {
  for (const auto& [id, seek] : seekers_) seek();
}

// SIGCHLD is not queued: one of it may stand for many children.
void Loop::reap() {
  signalfd_siginfo ignored[16];
  while (::read(signals_.get(), ignored, sizeof ignored) > 0) {
  }
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    auto found = children_.find(pid);
    if (found == children_.end()) {
      seek_children();
      found = children_.find(pid);
    }
    if (found == children_.end()) continue;
    const OnEnd on_end = std::move(found->second);
    children_.erase(found);
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    on_end({signal != 0 ? 128 + signal : WEXITSTATUS(status), signal});
  }
}

}  // namespace fcvm::agent
