// cancel, deadline: a verb that waits can be ended, by the clock and by the host.
#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/blocking.hpp"
#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/patience.hpp"

namespace fcvm::check {
namespace {

constexpr std::int64_t kShort = 50 * kMillisecond;

/// A cancel that found nothing running must not hit the next verb.
Result<void> check_stale_cancel(const Loaded& plugin, const BlockingVerb& verb, void* instance) {
  plugin.table->cancel(instance);
  const std::int64_t start = monotonic_now();
  const RunningVerb running(plugin, verb, instance, start + kShort);
  if (!running.returned_by(start + kShort + kSlack) || running.code() != -ECANCELED) return {};
  return broken("a cancel with nothing running made the next " + verb.name + " return -ECANCELED",
                "forget a cancel when no verb runs: fcvm::CancelSource does");
}

Result<void> check_running_cancel(const Loaded& plugin, const BlockingVerb& verb, void* instance) {
  const std::int64_t start = monotonic_now();
  const RunningVerb running(plugin, verb, instance, start + 2000 * kMillisecond);
  if (running.returned_by(start + 100 * kMillisecond)) {
    return skip(verb.name + " did not wait under a silent host: " + running.told());
  }
  const std::int64_t cancelled = monotonic_now();
  plugin.table->cancel(instance);
  const std::int64_t limit = kCancelLimit + kSlack;
  if (!running.returned_by(cancelled + limit)) {
    return broken(
        verb.name + " still ran " + std::to_string(limit / kMillisecond) + " ms after cancel",
        "wait through fcvm::Call, or poll its cancel_fd()");
  }
  if (running.code() == -ECANCELED) return {};
  return broken("cancelled, " + verb.name + " returned " + running.told(), "return -ECANCELED");
}

Result<void> check_cancel(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FakeHost host(Manner::kSilent);
  const auto instance = FCVM_TRY(create(plugin, host.host()));
  const auto waiting = blocking_verb(plugin);
  if (!waiting) {
    plugin.table->cancel(instance.get());  // must be harmless all the same
    return unexpected(waiting.error());
  }
  const BlockingVerb& verb = *waiting;
  FCVM_TRY(check_running_cancel(plugin, verb, instance.get()));
  const auto fresh = FCVM_TRY(create(plugin, host.host()));
  return check_stale_cancel(plugin, verb, fresh.get());
}

Result<void> check_deadline(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  const auto verb = FCVM_TRY(blocking_verb(plugin));
  FakeHost host(Manner::kSilent);
  const auto instance = FCVM_TRY(create(plugin, host.host()));
  const std::int64_t deadline = monotonic_now() + kShort;
  const RunningVerb running(plugin, verb, instance.get(), deadline);
  if (!running.returned_by(deadline + kSlack)) {
    return broken(verb.name + " still ran " + std::to_string(kSlack / kMillisecond) +
                      " ms after its deadline",
                  "wait through fcvm::Call, or poll no longer than its remaining()");
  }
  if (running.returned_at() < deadline - 5 * kMillisecond) {
    return skip(verb.name + " did not wait under a silent host: " + running.told());
  }
  if (running.code() == -ETIMEDOUT) return {};
  return broken("at its deadline " + verb.name + " returned " + running.told(),
                "return -ETIMEDOUT");
}

}  // namespace

void add_time_cases(std::vector<Case>& cases) {
  cases.push_back({"cancel",
                   "Deadlines and cancel",
                   "a waiting verb returns -ECANCELED within 100 ms of cancel",
                   {"create-destroy", "half-implemented"},
                   check_cancel,
                   true});
  cases.push_back({"deadline",
                   "Deadlines and cancel",
                   "a waiting verb returns -ETIMEDOUT at its deadline",
                   {"create-destroy", "half-implemented"},
                   check_deadline,
                   true});
}

}  // namespace fcvm::check
