// See health_watch.hpp.
#include "agent/container/health_watch.hpp"

#include <tuple>
#include <utility>

#include "agent/process/command.hpp"

namespace fcvm::agent {
namespace {

/// Of what a check says, the host is told its end.
constexpr std::size_t kMostTold = 500;

auto news_of(const wire::Health& health) {
  return std::tuple(health.status, health.failing_streak, health.exit_code);
}

}  // namespace

HealthWatch::HealthWatch(Loop& loop, wire::HealthCheck check, Resolve resolve, Tell tell)
    : loop_(loop),
      check_(std::move(check)),
      resolve_(std::move(resolve)),
      tell_(std::move(tell)),
      health_(check_, std::chrono::steady_clock::now()) {
  told_.status = wire::HealthStatus::kStarting;
  tell_(told_);
  look();
}

HealthWatch::~HealthWatch() {
  *is_there_ = false;
  loop_.cancel(timer_);
}

void HealthWatch::look() {
  wire::ExecRequest request;
  request.command = check_.command;
  const auto plan = resolve_(request);
  if (!plan) return looked(exit_code_of(plan.error()), plan.error().message());
  const auto begun = run_command(loop_, plan->options, std::chrono::milliseconds(check_.timeout_ms),
                                 [this, is_there = is_there_](int code, const std::string& output) {
                                   if (*is_there) looked(code, output);
                                 });
  if (!begun) looked(exit_code_of(begun.error()), begun.error().message());
}

void HealthWatch::looked(int code, const std::string& output) {
  if (code == 0) {
    health_.passed();
  } else {
    health_.failed(std::chrono::steady_clock::now());
  }
  wire::Health now;
  now.status = health_.status();
  now.failing_streak = health_.failing_streak();
  now.exit_code = code;
  now.output = output.size() > kMostTold ? output.substr(output.size() - kMostTold) : output;
  if (news_of(now) != news_of(told_)) {
    told_ = now;
    tell_(std::move(now));
  }
  timer_ = loop_.after(health_.pause(), [this] { look(); });
}

}  // namespace fcvm::agent
