// See event_log.hpp.
#include "agent/session/event_log.hpp"

#include <ctime>
#include <utility>

#include "agent/log.hpp"

namespace fcvm::agent {
namespace {

std::uint64_t uptime_us() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

void EventLog::add(wire::Event event) {
  event.number = events_.size() + 1;
  event.uptime_us = uptime_us();
  log_line(event.stage + (event.text.empty() ? "" : ": " + event.text));
  events_.push_back(std::move(event));
  if (listener_) listener_();
}

void EventLog::set_health(wire::Health health) {
  health_ = std::move(health);
  ++health_count_;
  if (listener_) listener_();
}

void EventLog::progress(const std::string& stage) {
  wire::Event event;
  event.kind = wire::EventKind::kProgress;
  event.stage = stage;
  add(std::move(event));
}

}  // namespace fcvm::agent
