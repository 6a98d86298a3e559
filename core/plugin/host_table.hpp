// HostTable: the fcvm_host that one plugin is given, over the Services of whoever runs it.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <fcvm/abi.h>
#include <fcvm/sdk/call.hpp>

#include "core/plugin/services.hpp"

namespace fcvm::plugin {

class HostTable {
 public:
  /// `plugin_id` is who speaks in logs and whose records state/1 keeps.
  HostTable(std::string plugin_id, Services services);
  HostTable(const HostTable&) = delete;
  HostTable& operator=(const HostTable&) = delete;

  /// Valid as long as this object; it must outlive every instance made with it.
  [[nodiscard]] const fcvm_host* get() const { return &host_; }
  [[nodiscard]] const std::string& plugin_id() const { return plugin_id_; }
  [[nodiscard]] const Services& services() const { return services_; }
  /// The service calls in which the plugin waits: cancelled with its verbs.
  [[nodiscard]] CancelSource& calls() { return calls_; }

  // guest/1's, which a plugin may forget.
  Result<std::uint64_t> subscribe(std::uint32_t source, GuestService::LineHandler handler);
  void unsubscribe(std::uint64_t subscription);
  /// No line reaches the plugin any more on return.
  void end_subscriptions();

 private:
  std::string plugin_id_;
  Services services_;
  CancelSource calls_;
  std::mutex subscriptions_mutex_;
  std::set<std::uint64_t> subscriptions_;
  fcvm_host host_;
};

}  // namespace fcvm::plugin
