// The thread and state rules of the ABI, checked where FCVM_CHECKED is defined (debug and sanitizer
// builds). A violation names the guilty side and ends the process, unless a test catches it.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

namespace fcvm::plugin {

enum class Threads { kWorker, kAny };

/// What a verb's comment in the ABI header says: where it may be called, and in which states.
struct VerbRule {
  std::string_view name;
  Threads threads = Threads::kWorker;
  unsigned allowed = ~0u;  // bits 1 << state; states are the kind's own small numbers
  int leads_to = -1;       // the state after success; -1: the same
};

/// Called with the whole message; the default prints it and aborts.
using ViolationHandler = std::function<void(const std::string& message)>;
void set_violation_handler(ViolationHandler handler);

/// Makes the calling thread the control thread: nothing may block it.
void this_is_the_control_thread();

/// A plugin called a blocking host service; guilty when it did so on the control thread.
void check_service_thread(std::string_view plugin_id, std::string_view service);

/// Stands over the verbs of one instance.
class VerbChecks {
 public:
  explicit VerbChecks(std::string plugin_id) : plugin_id_(std::move(plugin_id)) {}

  void enter(const VerbRule& rule);
  void leave(const VerbRule& rule, bool succeeded);

 private:
  std::string plugin_id_;
  std::atomic<int> state_{0};
  std::atomic<const char*> working_{nullptr};  // the worker verb under way
};

}  // namespace fcvm::plugin
