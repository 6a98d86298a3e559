// Gates: the plugins that wait until a VM is ready, side by side, each on a thread of its own. The
// first that fails ends the others. Owns the instances and the threads.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/plugin/instance.hpp"
#include "core/vm/model/readiness_plan.hpp"
#include "core/vm/supervisor/supervisor.hpp"

namespace fcvm::vm {

class Gates {
 public:
  struct Callbacks {
    std::function<void(std::size_t index)> on_passed;
    /// Once none is asked any more: all have passed, or an error that says which have not, and what
    /// they saw. Both come on threads of the gates.
    std::function<void(Result<void>)> on_done;
  };

  Gates(const ReadinessPlan& plan, Callbacks callbacks)
      : plan_(plan), callbacks_(std::move(callbacks)) {}
  Gates(const Gates&) = delete;
  Gates& operator=(const Gates&) = delete;
  ~Gates() { join(); }

  /// Makes the instances and begins to ask. When one cannot be made, none is asked.
  [[nodiscard]] Result<void> start(const SupervisorContext& context, plugin::Services services,
                                   std::string vm_id, std::string container);
  /// From any thread: they return soon, and none passes any more.
  void cancel();
  /// Until all have returned.
  void join();
  /// "mode=http,url=..., mode=exec,...": those that have not returned, and if all have, those that
  /// have not passed.
  [[nodiscard]] std::string missing() const;

 private:
  struct Waiting {
    const Gate* gate;
    std::unique_ptr<plugin::Instance<fcvm_readiness_v1>> instance;
    std::thread thread;
    bool returned = false;
    std::optional<Error> error{};
  };

  void wait_for(Waiting& one, base::Deadline deadline);
  void watch();
  [[nodiscard]] Result<void> outcome() const;

  const ReadinessPlan& plan_;
  const Callbacks callbacks_;
  std::string vm_id_;
  std::string container_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Waiting>> waiting_;
  bool cancelled_ = false;
  std::thread watcher_;
};

}  // namespace fcvm::vm
