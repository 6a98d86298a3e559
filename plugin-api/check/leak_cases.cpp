// fd-leaks, unload: what is still there when a plugin is done.
#include <dlfcn.h>
#include <unistd.h>

#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"
#include "plugin-api/check/surroundings.hpp"

namespace fcvm::check {
namespace {

Result<void> create_once(const Loaded& plugin) {
  FakeHost host(Manner::kRefuse);
  FCVM_TRY(create(plugin, host.host()));
  return {};
}

Result<void> probe_once(const Loaded& plugin) {
  FakeHost host(Manner::kRefuse);
  auto settings = plugin.settings();
  auto answer = sized<fcvm_probe>();
  auto error = sized<fcvm_error>();
  const auto deadline = monotonic_now() + 1000 * kMillisecond;
  plugin.table->probe(host.host(), settings.get(), deadline, &answer, &error);
  return {};
}

/// The first round may set up, once, what the object then keeps; the twenty that follow may not.
Result<void> repeat(const Loaded& plugin, Result<void> (*once)(const Loaded&), const char* what) {
  const Surroundings untouched;
  FCVM_TRY(once(plugin));
  FCVM_TRY(unchanged_process(untouched, what));
  Surroundings before;
  before.children = untouched.children;
  for (int round = 0; round < 20; ++round) FCVM_TRY(once(plugin));
  return unchanged(before, std::string("20 rounds of ") + what);
}

Result<void> check_fd_leaks(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FCVM_TRY(repeat(plugin, create_once, "create and destroy"));
  return repeat(plugin, probe_once, "probe");
}

Result<void> check_unload(const Target& target) {
  const Surroundings before;
  const auto plugin = FCVM_TRY(load(target));
  const std::string id = plugin.descriptor.id;
  FCVM_TRY(unchanged_process(before, "loading and describing it"));
  FCVM_TRY(create_once(plugin));
  for (int wait = 0; wait < 20 && Surroundings().threads > before.threads; ++wait) ::usleep(5000);
  if (Surroundings().threads > before.threads) {
    return broken("after destroy a thread of the plugin still runs, in code about to be unmapped",
                  "join every thread in destroy");
  }
  if (::dlclose(plugin.object) != 0) return broken("dlclose failed", "see `load`");
  const auto again = FCVM_TRY(load(target));
  if (again.descriptor.id != id)
    return broken("loaded again, it is another plugin", "see `descriptor`");
  return create_once(again);
}

}  // namespace

void add_leak_cases(std::vector<Case>& cases) {
  cases.push_back({"fd-leaks",
                   "Ownership",
                   "create and destroy, and probe, leave no fd, thread or child behind",
                   {"create-destroy", "probe"},
                   check_fd_leaks});
  cases.push_back({"unload",
                   "Loading",
                   "after destroy it can be unloaded, and loaded again",
                   {"fd-leaks"},
                   check_unload});
}

}  // namespace fcvm::check
