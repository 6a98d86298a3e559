// See loop.hpp.
#include "core/base/loop/loop.hpp"

#include <algorithm>
#include <sys/eventfd.h>
#include <unistd.h>

namespace fcvm::base {
namespace {

/// Which registration an event is of: a descriptor's number may be another file's by now.
std::uint64_t mark(int fd, std::uint32_t generation) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
}

epoll_event wanted(int fd, std::uint32_t events, std::uint32_t generation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = mark(fd, generation);
  return event;
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::create() {
  std::unique_ptr<Loop> loop(new Loop);
  FCVM_TRY(loop->open());
  return loop;
}

Result<void> Loop::open() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail_errno("making an epoll descriptor");
  posted_fd_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!posted_fd_) return fail_errno("making an eventfd");
  return watch(posted_fd_.get(), EPOLLIN, [this](Events) { take_posted(); });
}

Result<void> Loop::watch(int fd, Events events, OnEvents on_events) {
  const std::uint32_t generation = ++generation_;
  epoll_event event = wanted(fd, events, generation);
  const bool added = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  if (!added && errno != EPERM) return fail_errno("watching a descriptor");
  if (!added && events != 0) ++always_ready_;
  watches_[fd] = {events, std::make_shared<OnEvents>(std::move(on_events)), generation, !added};
  return {};
}

void Loop::change(int fd, Events events) {
  const auto found = watches_.find(fd);
  if (found == watches_.end() || found->second.events == events) return;
  const Events before = std::exchange(found->second.events, events);
  if (found->second.always_ready) {
    if (before == 0) ++always_ready_;
    if (events == 0) --always_ready_;
    return;
  }
  epoll_event event = wanted(fd, events, found->second.generation);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::forget(int fd) {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  if (found->second.always_ready) {
    if (found->second.events != 0) --always_ready_;
  } else {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
  watches_.erase(found);
}

/// A delay beyond the clock's range is for ever.
Loop::TimerId Loop::after(Clock::duration delay, Task task) {
  const auto now = Clock::now();
  const auto at = delay < Clock::time_point::max() - now ? now + delay : Clock::time_point::max();
  const TimerId id(at, ++last_timer_);
  timers_.emplace(id, std::move(task));
  return id;
}

void Loop::post(Task task) {
  const std::lock_guard lock(posted_mutex_);
  posted_.push_back(std::move(task));
  if (posted_.size() > 1) return;  // the first has woken the loop
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(posted_fd_.get(), &one, sizeof one);
}

void Loop::take_posted() {
  std::uint64_t ignored = 0;
  [[maybe_unused]] const auto read = ::read(posted_fd_.get(), &ignored, sizeof ignored);
  std::vector<Task> posted;
  {
    const std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (const auto& task : posted) task();
}

void Loop::run_tasks() {
  while (!tasks_.empty()) {
    const auto tasks = std::exchange(tasks_, {});
    for (const auto& task : tasks) task();
  }
}

/// Those that are due now: what a timer sets anew waits for the next round.
void Loop::run_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
}

/// Files that the kernel does not watch.
void Loop::run_ready() {
  if (always_ready_ == 0) return;
  std::vector<std::pair<int, std::uint32_t>> ready;
  for (const auto& [fd, watch] : watches_) {
    if (watch.always_ready && watch.events != 0) ready.emplace_back(fd, watch.generation);
  }
  for (const auto& [fd, generation] : ready) dispatch(fd, generation, 0);
}

int Loop::wait_ms(const Deadline& limit) const {
  if (always_ready_ > 0) return 0;
  if (timers_.empty()) return limit.as_poll_ms();
  const auto left = timers_.begin()->first.first - Clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  const auto timer = static_cast<int>(std::clamp<std::int64_t>(ms, 0, 60'000));
  return limit.is_never() ? timer : std::min(timer, limit.as_poll_ms());
}

/// An earlier event of the round may have closed it, and even opened another of its number.
void Loop::dispatch(int fd, std::uint32_t generation, Events events) {
  const auto found = watches_.find(fd);
  if (found == watches_.end() || found->second.generation != generation) return;
  const auto on_events = found->second.on_events;
  (*on_events)(found->second.always_ready ? found->second.events : events);
}

Result<void> Loop::step(const Deadline& limit) {
  epoll_event events[64];
  const int count = ::epoll_wait(epoll_.get(), events, 64, wait_ms(limit));
  if (count < 0 && errno != EINTR) return fail_errno("waiting for events");
  for (int i = 0; i < count; ++i) {
    dispatch(static_cast<int>(events[i].data.u64 & UINT32_MAX),
             static_cast<std::uint32_t>(events[i].data.u64 >> 32), events[i].events);
  }
  run_ready();
  run_timers();
  run_tasks();
  return {};
}

Result<void> Loop::run() {
  while (!stopped_) FCVM_TRY(step());
  return {};
}

}  // namespace fcvm::base
