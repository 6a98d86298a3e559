// fd-leaks, unload: what is still there when a plugin is done.
#include <cerrno>
#include <dlfcn.h>
#include <filesystem>
#include <sys/wait.h>

#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"

namespace fcvm::check {
namespace {

std::size_t entries(const char* directory) {
  std::error_code ignored;
  std::size_t count = 0;
  for (auto at = std::filesystem::directory_iterator(directory, ignored);
       at != std::filesystem::directory_iterator(); at.increment(ignored)) {
    ++count;
  }
  return count;
}

struct Census {
  std::size_t fds = entries("/proc/self/fd");
  std::size_t threads = entries("/proc/self/task");
  bool children = [] {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  }();
};

/// A joined thread may still be listed for a moment.
Census settled(const Census& before) {
  Census now;
  for (int wait = 0; wait < 20 && now.threads > before.threads; ++wait) {
    ::usleep(5000);
    now = Census();
  }
  return now;
}

Result<void> compare(const Census& before, const Census& after, const std::string& where) {
  const auto more = [&](std::size_t was, std::size_t is, const char* what) {
    return where + " left " + std::to_string(is - was) + " more " + what + " than before";
  };
  if (after.fds > before.fds) {
    return broken(more(before.fds, after.fds, "file descriptors"), "own them with fcvm::Fd");
  }
  if (after.threads > before.threads) {
    return broken(more(before.threads, after.threads, "threads"), "join them in destroy");
  }
  if (after.children && !before.children) {
    return broken(where + " left a child process", "start programs through process/1 only");
  }
  return {};
}

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
  const bool children_before = Census().children;
  FCVM_TRY(once(plugin));
  Census before;
  before.children = children_before;
  for (int round = 0; round < 20; ++round) FCVM_TRY(once(plugin));
  return compare(before, settled(before), std::string("20 rounds of ") + what);
}

Result<void> check_fd_leaks(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FCVM_TRY(repeat(plugin, create_once, "create and destroy"));
  return repeat(plugin, probe_once, "probe");
}

Result<void> check_unload(const Target& target) {
  const Census before;
  const auto plugin = FCVM_TRY(load(target));
  const std::string id = plugin.descriptor.id;
  FCVM_TRY(create_once(plugin));
  const auto after = settled(before);
  if (after.threads > before.threads) {
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
