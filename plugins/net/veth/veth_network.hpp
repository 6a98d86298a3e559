// VethNetwork: owns one VM's network as net.bridged and net.routed make it: the namespace with its
// links, the address in the pool, the firewall's tables, the settings of the host.
#pragma once

#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/net.hpp>

#include "core/base/process/namespaces.hpp"
#include "plugins/net/veth/connections.hpp"
#include "plugins/net/veth/firewall_watch.hpp"
#include "plugins/net/veth/kernel_setting.hpp"
#include "plugins/net/veth/plan.hpp"

namespace fcvm::net {

/// The verbs of net/1, in the states and on the threads that fcvm/net.h says.
class VethNetwork {
 public:
  VethNetwork(const Host& host, VethOptions options) : host_(host), options_(std::move(options)) {}
  ~VethNetwork();
  VethNetwork(const VethNetwork&) = delete;
  VethNetwork& operator=(const VethNetwork&) = delete;

  Result<NetAttachment> attach(const Request& request, const Mode& mode, const Call& call);
  Result<void> detach();
  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) const;
  Result<Published> publish(const fcvm_publish& wanted);
  Result<void> unpublish(const fcvm_publish& unwanted);
  /// Fails when somebody took the link or the table away. Else an fd to poll.
  Result<int> health();
  Result<void> recover();

  /// Of the VM; borrowed. -1 when detached.
  [[nodiscard]] int namespace_fd() const;

 private:
  Result<void> make(const Call& call);
  Result<void> hold_settings(const Call& call);
  Result<void> forget_connections();
  void begin_sessions_anew(const Published& changed);
  Result<void> forget_sessions(const Published& changed);
  void begin_removal(const std::string& link);
  Result<void> make_table();
  [[nodiscard]] std::string pass_foreign_chains() const;
  Result<NetAttachment> describe() const;
  Result<void> check_table();

  Host host_;
  VethOptions options_;
  std::vector<SharedSetting> settings_;
  std::future<void> removal_;  // of the link; waited for when this ends
  // From the first attach on: to close them is to wait.
  std::optional<Nft> nft_;
  std::optional<Connections> connections_;

  mutable std::mutex mutex_;  // guards what [any] calls look at, which attach and detach change
  std::optional<Plan> plan_;
  std::optional<base::Namespace> inside_;
  std::optional<FirewallWatch> watch_;
  bool table_there_ = true;
};

/// Whether these networks can be made here at all.
Result<Probe> probe_veth(const VethOptions& options);

}  // namespace fcvm::net
