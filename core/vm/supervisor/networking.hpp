// Networking: what the supervisor has to do with its VM's network: it keeps the record of it, sees
// to its health, publishes ports and connects to the guest. Owns the watch over its health.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/base/loop/loop.hpp"
#include "core/vm/model/network_plan.hpp"
#include "core/vm/model/port.hpp"
#include "core/vm/store/own_record.hpp"
#include "core/vm/supervisor/launch.hpp"
#include "core/vm/supervisor/watch_once.hpp"

namespace fcvm::vm {

class Networking {
 public:
  Networking(base::Loop& loop, OwnRecord& record, Launch& launch, const NetworkPlan& plan)
      : loop_(loop), record_(record), launch_(launch), plan_(plan), health_watch_(loop) {}

  // --- on the control thread ---

  /// The launch has made it, unless the VM is to have none.
  void made();
  /// The guest's NIC; empty when it has none.
  [[nodiscard]] const std::string& tap() const { return tap_; }
  /// From now on it may break.
  void stop();

  // --- from any thread, while the launch lives ---

  Result<Fd> dial(std::uint16_t port, base::Deadline deadline);

  // --- on the worker, where all verbs of the network but dial and health run one at a time ---

  /// All or none; as they were taken.
  Result<std::vector<PublishedPort>> publish(std::vector<PublishedPort> wishes);
  /// Only what is published, and as it was published.
  Result<std::vector<PublishedPort>> unpublish(std::vector<PublishedPort> ports);

 private:
  Result<Network*> live();
  void watch();
  void on_broken(const Error& why);
  Result<std::vector<PublishedPort>> publish_one(Network& network, const PublishedPort& wish);

  base::Loop& loop_;
  OwnRecord& record_;
  Launch& launch_;
  const NetworkPlan& plan_;
  std::string tap_;
  bool is_stopped_ = false;
  WatchOnce health_watch_;
  base::Loop::TimerId again_;
};

}  // namespace fcvm::vm
