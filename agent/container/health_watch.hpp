// HealthWatch: checks again and again how the container is, and tells when that has changed. There
// is no systemd in the guest, whose timers podman would have for it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "agent/container/exec_target.hpp"
#include "agent/container/health.hpp"
#include "agent/loop.hpp"

namespace fcvm::agent {

class HealthWatch {
 public:
  /// How to run a command in the container.
  using Resolve = std::function<Result<ExecPlan>(const wire::ExecRequest&)>;
  using Tell = std::function<void(wire::Health)>;

  /// Begins at once, and ends with the object; a check that is under way then is told to nobody.
  HealthWatch(Loop& loop, wire::HealthCheck check, Resolve resolve, Tell tell);
  ~HealthWatch();
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

 private:
  void look();
  void looked(int code, const std::string& output);

  Loop& loop_;
  const wire::HealthCheck check_;
  const Resolve resolve_;
  const Tell tell_;
  Health health_;
  wire::Health told_;
  Loop::TimerId timer_;
  std::shared_ptr<bool> is_there_ = std::make_shared<bool>(true);
};

}  // namespace fcvm::agent
