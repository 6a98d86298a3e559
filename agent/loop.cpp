// The event loop; see loop.hpp.
#include "agent/loop.hpp"

#include <algorithm>
#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace fcvm::agent {

Result<std::unique_ptr<Loop>> Loop::create() {
  std::unique_ptr<Loop> loop(new Loop);
  loop->epoll_ = base::Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return fail_errno("making an epoll descriptor");
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

Result<void> Loop::watch(int fd, Events events, OnEvents on_events) {
  const std::uint32_t generation = ++generation_;
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail_errno("watching a descriptor");
  }
  watches_[fd] = {events, std::make_shared<OnEvents>(std::move(on_events)), generation};
  return {};
}

void Loop::change(int fd, Events events) {
  const auto found = watches_.find(fd);
  if (found == watches_.end() || found->second.events == events) return;
  found->second.events = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{found->second.generation} << 32 | static_cast<std::uint32_t>(fd);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::forget(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::after(std::chrono::milliseconds delay, std::function<void()> task) {
  timers_[++last_timer_] = {Clock::now() + delay, std::move(task)};
  return last_timer_;
}

void Loop::cancel(TimerId timer) { timers_.erase(timer); }

void Loop::soon(std::function<void()> task) { tasks_.push_back(std::move(task)); }

void Loop::on_end(pid_t child, OnEnd on_end) { children_[child] = std::move(on_end); }

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

void Loop::run_tasks() {
  while (!tasks_.empty()) {
    const auto tasks = std::exchange(tasks_, {});
    for (const auto& task : tasks) task();
  }
}

void Loop::run_timers() {
  const auto now = Clock::now();
  for (;;) {
    const auto due = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const auto& timer) { return timer.second.first <= now; });
    if (due == timers_.end()) return;
    const auto task = std::move(due->second.second);
    timers_.erase(due);
    task();
  }
}

int Loop::wait_ms() const {
  if (timers_.empty()) return -1;
  auto earliest = Clock::time_point::max();
  for (const auto& [id, timer] : timers_) earliest = std::min(earliest, timer.first);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(earliest - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

Result<void> Loop::step() {
  epoll_event events[64];
  const int count = ::epoll_wait(epoll_.get(), events, 64, wait_ms());
  if (count < 0 && errno != EINTR) return fail_errno("waiting for events");
  for (int i = 0; i < count; ++i) {
    const int fd = static_cast<int>(events[i].data.u64 & UINT32_MAX);
    const auto found = watches_.find(fd);
    // An earlier event of this round may have closed it, and even opened another of its number.
    if (found == watches_.end() || found->second.generation != events[i].data.u64 >> 32) continue;
    const auto on_events = found->second.on_events;
    (*on_events)(events[i].events);
  }
  run_timers();
  run_tasks();
  return {};
}

Result<void> Loop::run() {
  while (!stopped_) FCVM_TRY(step());
  return {};
}

}  // namespace fcvm::agent
