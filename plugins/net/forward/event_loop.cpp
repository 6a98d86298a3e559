// See event_loop.hpp.
#include "plugins/net/forward/event_loop.hpp"

#include <algorithm>
#include <sys/epoll.h>

namespace fcvm::forward {

namespace {

constexpr int kEventsPerRound = 256;

epoll_event event_for(std::uint32_t events, Handler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  return event;
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("making an epoll descriptor");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

Result<void> EventLoop::watch(int fd, std::uint32_t events, Handler& handler) {
  auto event = event_for(events, handler);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail_errno("watching a socket");
  }
  return {};
}

void EventLoop::change(int fd, std::uint32_t events, Handler& handler) {
  auto event = event_for(events, handler);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::forget(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::after(std::chrono::milliseconds delay, Handler& handler) {
  timers_[&handler] = now_ + delay;
}

void EventLoop::bury(std::unique_ptr<Handler> ended) {
  again_.erase(std::remove(again_.begin(), again_.end(), ended.get()), again_.end());
  timers_.erase(ended.get());
  ended_.push_back(std::move(ended));
}

void EventLoop::read_clock() {
  now_ = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

int EventLoop::wait_ms() const {
  if (!again_.empty()) return 0;
  if (timers_.empty()) return -1;
  const auto first = std::min_element(timers_.begin(), timers_.end(),
                                      [](auto& a, auto& b) { return a.second < b.second; });
  const auto left = first->second - now_;
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void EventLoop::run_timers() {
  std::vector<Handler*> due;
  for (const auto& [handler, when] : timers_) {
    if (when <= now_) due.push_back(handler);
  }
  for (Handler* handler : due) {
    if (timers_.erase(handler) > 0) handler->resume();  // unless an earlier one canceled it
  }
}

Result<void> EventLoop::round() {
  epoll_event events[kEventsPerRound];
  const int count = ::epoll_wait(epoll_.get(), events, kEventsPerRound, wait_ms());
  if (count < 0 && errno != EINTR) return fail_errno("waiting for events");
  read_clock();
  for (int i = 0; i < count; ++i) {
    static_cast<Handler*>(events[i].data.ptr)->on_events(events[i].events);
  }
  const auto waiting = std::exchange(again_, {});
  for (Handler* handler : waiting) handler->resume();
  run_timers();
  ended_.clear();
  return {};
}

Result<void> EventLoop::run() {
  while (!stopped_) FCVM_TRY(round());
  return {};
}

}  // namespace fcvm::forward
