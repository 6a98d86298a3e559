// asks-guest: what a plugin of kind readiness/1 does where the guest answers nothing yet.
#include <cerrno>
#include <string>

#include <fcvm/readiness.h>
#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"

namespace fcvm::check {
namespace {

constexpr std::int64_t kWait = 300 * kMillisecond;

/// One wait in a guest that refuses whatever is asked of it, as one does that still boots.
struct Waited {
  std::int32_t code = 0;
  bool at_deadline = false;
  fcvm_error error = sized<fcvm_error>();
};

Waited wait_in_vain(const Loaded& plugin, void* instance) {
  const auto verbs = sized_copy(
      static_cast<const fcvm_readiness_v1*>(plugin.table->verbs(plugin.descriptor.kind)));
  auto target = sized<fcvm_ready_target>();
  target.vm_id = target.container = "check";
  Waited waited;
  const std::int64_t deadline = monotonic_now() + kWait;
  waited.code = verbs.wait(instance, &target, deadline, &waited.error);
  waited.at_deadline = monotonic_now() >= deadline - 5 * kMillisecond;
  return waited;
}

Result<void> check_services(const FakeHost& host) {
  for (const char* service : {"process/1", "state/1", "builder/1"}) {
    if (const auto call = host.call_of(service); !call.empty()) {
      return broken("wait used " + call, "ask the guest alone, through guest/1");
    }
  }
  return {};
}

Result<void> check_asks_guest(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  // Of another kind there is nothing to judge.
  if (std::string_view(plugin.descriptor.kind) != FCVM_KIND_READINESS) return {};
  FakeHost host(Manner::kRefuse);
  const auto instance = FCVM_TRY(create(plugin, host.host(), 0, Blame::kGuesses));
  const Waited waited = wait_in_vain(plugin, instance.get());
  FCVM_TRY(check_services(host));
  if (waited.code == 0 && host.call_of("guest/1").empty()) {
    return broken("wait returned 0 without asking the guest for anything",
                  "ask through guest/1 whether the condition holds");
  }
  if (waited.code == 0) {
    return broken("wait returned 0 though the guest refused all that was asked",
                  "take a refusal for what it is: not ready, perhaps not yet");
  }
  if (waited.code == -ECONNREFUSED && !waited.at_deadline) {
    return broken(
        "wait gave up when nobody listened in the guest yet: " + told(waited.code, waited.error),
        "ask again until the deadline");
  }
  return {};
}

}  // namespace

void add_readiness_cases(std::vector<Case>& cases) {
  cases.push_back({"asks-guest",
                   "readiness/1",
                   "a gate asks the guest, alone and again, and a refusal is not readiness",
                   {"verbs"},
                   check_asks_guest});
}

}  // namespace fcvm::check
