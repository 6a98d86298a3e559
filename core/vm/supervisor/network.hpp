// Network: a net plugin's instance as C++ calls, with the states in which each may be made. Owns
// the instance and, while attached, the handles of the VM's namespaces.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"
#include "core/config/config.hpp"
#include "core/plugin/instance.hpp"
#include "core/vm/model/network_plan.hpp"

namespace fcvm::vm {

/// What a plugin made for a VM; text that is empty is not there.
struct Attachment {
  Fd net_namespace;
  Fd user_namespace;
  std::string tap;
  std::string mac;
  std::uint32_t mtu = 0;
  std::string guest_ipv4;  // with prefix length
  std::string gateway_ipv4;
  std::string guest_ipv6;
  std::string gateway_ipv6;
  std::vector<std::string> dns;
  std::vector<PublishedPort> published;  // as they were taken
  std::string host_address;              // where ports without an address are published
  std::string host_gateway;              // the guest's name for the host's loopback
};

class Network {
 public:
  /// Tells which other VM has a port of the host; "" when none has.
  using PortOwner = std::function<std::string(const PublishedPort&)>;

  explicit Network(std::unique_ptr<plugin::Instance<fcvm_net_v1>> instance,
                   PortOwner port_owner = {})
      : instance_(std::move(instance)), port_owner_(std::move(port_owner)) {}

  Result<void> attach(const NetworkPlan& plan, const std::string& vm_id, base::Deadline deadline);
  /// Ends the dials that are under way, and those to come.
  Result<void> detach(base::Deadline deadline);
  /// From any thread: a connection to a guest port; with FCVM_PROTO_UDP a connected socket.
  [[nodiscard]] Result<Fd> dial(std::uint32_t protocol, std::uint16_t port,
                                base::Deadline deadline);
  /// As it was taken; one without an address also at the plan's publish_address, if it is free
  /// there.
  Result<std::vector<PublishedPort>> publish(const PublishedPort& wish, base::Deadline deadline);
  /// Publishes these, too, as part of the attachment.
  Result<void> add_ports(const std::vector<PublishedPort>& wishes, base::Deadline deadline);
  /// What publish() or attach() has taken.
  Result<void> unpublish(const PublishedPort& port, base::Deadline deadline);
  /// From any thread. Fails with what broke; else a borrowed descriptor that turns readable when
  /// asking again is worthwhile, or -1.
  [[nodiscard]] Result<int> health();
  void cancel() { instance_->cancel(); }

  [[nodiscard]] const Attachment& attachment() const { return attachment_; }

 private:
  Result<Attachment> take(const fcvm_net_attachment& taken) const;
  Result<PublishedPort> publish_one(const PublishedPort& wish, std::uint16_t flags,
                                    base::Deadline deadline);
  void publish_twin(const PublishedPort& own, std::vector<PublishedPort>& taken,
                    base::Deadline deadline);

  Result<void> name_owner(Result<void> done, const std::vector<PublishedPort>& wishes) const;

  std::unique_ptr<plugin::Instance<fcvm_net_v1>> instance_;
  PortOwner port_owner_;
  Attachment attachment_;
  std::string publish_address_;
  std::shared_mutex dials_;  // shared by those under way; detach() has it alone
  bool attached_ = false;
};

}  // namespace fcvm::vm
