#include "core/plugin/checks.hpp"

#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/core.h>

namespace fcvm::plugin {

#if FCVM_CHECKED
namespace {

std::atomic<std::thread::id> control_thread{};

ViolationHandler& handler() {
  static ViolationHandler current = [](const std::string& message) {
    fmt::print(stderr, "fcvm: plugin rule broken: {}\n", message);
    std::abort();
  };
  return current;
}

void violated(const std::string& message) { handler()(message); }

bool on_control_thread() { return control_thread.load() == std::this_thread::get_id(); }

}  // namespace

void set_violation_handler(ViolationHandler replacement) { handler() = std::move(replacement); }

void this_is_the_control_thread() { control_thread = std::this_thread::get_id(); }

void check_service_thread(std::string_view plugin_id, std::string_view service) {
  if (on_control_thread()) {
    violated(
        fmt::format("plugin {} called {} on the control thread, which it would block; the "
                    "plugin is at fault",
                    plugin_id, service));
  }
}

void VerbChecks::enter(const VerbRule& rule) {
  if ((rule.allowed >> state_ & 1u) == 0) {
    violated(
        fmt::format("the host called `{}` of {} in state {}, where it is not allowed; the host "
                    "is at fault",
                    rule.name, plugin_id_, state_.load()));
  }
  if (rule.threads != Threads::kWorker) return;
  if (on_control_thread()) {
    violated(fmt::format("the host called `{}` of {} on the control thread; the host is at fault",
                         rule.name, plugin_id_));
  }
  if (const char* busy = working_.exchange(rule.name.data())) {
    violated(
        fmt::format("the host called `{}` of {} while `{}` was under way; the host is at fault",
                    rule.name, plugin_id_, busy));
  }
}

void VerbChecks::leave(const VerbRule& rule, bool succeeded) {
  if (succeeded && rule.leads_to >= 0) state_ = rule.leads_to;
  if (rule.threads == Threads::kWorker) working_ = nullptr;
}

#else

void set_violation_handler(ViolationHandler) {}
void this_is_the_control_thread() {}
void check_service_thread(std::string_view, std::string_view) {}
void VerbChecks::enter(const VerbRule&) {}
void VerbChecks::leave(const VerbRule&, bool) {}

#endif

}  // namespace fcvm::plugin
