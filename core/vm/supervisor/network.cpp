#include "core/vm/supervisor/network.hpp"

#include <chrono>
#include <mutex>
#include <thread>

namespace fcvm::vm {
namespace {

using plugin::Threads;
using plugin::VerbRule;

// The states of net.h.
enum State : int { kDetachedState = 0, kAttachedState = 1 };
constexpr unsigned kDetached = 1u << kDetachedState;
constexpr unsigned kAttached = 1u << kAttachedState;

constexpr VerbRule kAttach{"attach", Threads::kWorker, kDetached, kAttachedState};
constexpr VerbRule kDetach{"detach", Threads::kWorker, kDetached | kAttached, kDetachedState};
constexpr VerbRule kDial{"dial", Threads::kAny, kAttached};
constexpr VerbRule kPublish{"publish", Threads::kWorker, kAttached};
constexpr VerbRule kUnpublish{"unpublish", Threads::kWorker, kAttached};
constexpr VerbRule kHealth{"health", Threads::kAny, kAttached};

constexpr std::chrono::milliseconds kCancelPause{10};

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

/// Borrows the text of `port`.
fcvm_publish abi(const PublishedPort& port) {
  auto publish = sized<fcvm_publish>();
  publish.protocol = port.protocol == "udp" ? FCVM_PROTO_UDP : FCVM_PROTO_TCP;
  publish.address = or_null(port.address);
  publish.host_port = port.host_port;
  publish.guest_port = port.guest_port;
  publish.count = port.count;
  return publish;
}

std::uint32_t flags_of(const NetworkPlan& plan) {
  std::uint32_t flags = 0;
  if (!plan.host_loopback.all) flags |= FCVM_NET_NO_HOST_LOOPBACK;
  if (plan.host_addresses.all) flags |= FCVM_NET_HOST_ADDRESSES;
  if (plan.link_local) flags |= FCVM_NET_LINK_LOCAL;
  return flags;
}

fcvm_net_opening opening(std::uint32_t what, const OpenPorts& ports) {
  auto made = sized<fcvm_net_opening>();
  made.what = what;
  made.first_port = ports.first;
  made.count = ports.count;
  if (ports.protocol == "tcp") made.protocol = FCVM_PROTO_TCP;
  if (ports.protocol == "udp") made.protocol = FCVM_PROTO_UDP;
  return made;
}

/// Borrows the texts of `plan`.
std::vector<fcvm_net_opening> openings_of(const NetworkPlan& plan) {
  std::vector<fcvm_net_opening> all;
  for (const auto& ports : plan.host_loopback.ports) {
    all.push_back(opening(FCVM_OPEN_HOST_LOOPBACK, ports));
  }
  for (const auto& ports : plan.host_addresses.ports) {
    all.push_back(opening(FCVM_OPEN_HOST_ADDRESSES, ports));
  }
  for (const auto& proxy : plan.proxy_endpoints) {
    const auto what = proxy.address.empty() ? FCVM_OPEN_HOST_LOOPBACK : FCVM_OPEN_ADDRESS;
    all.push_back(opening(what, {proxy.port, 1, "tcp"}));
    all.back().address = or_null(proxy.address);
  }
  return all;
}

template <std::size_t N>
std::string copy(const char (&field)[N]) {
  return std::string(text_of(field));
}

Attachment take(const fcvm_net_attachment& from) {
  Attachment made{Fd(from.net_namespace_fd),
                  Fd(from.user_namespace_fd),
                  copy(from.tap),
                  copy(from.mac),
                  from.mtu,
                  copy(from.guest_ipv4),
                  copy(from.gateway_ipv4),
                  copy(from.guest_ipv6),
                  copy(from.gateway_ipv6),
                  {},
                  copy(from.host_address),
                  copy(from.host_gateway)};
  for (const auto& server : from.dns) {
    if (auto text = copy(server); !text.empty()) made.dns.push_back(std::move(text));
  }
  return made;
}

}  // namespace

Result<void> Network::attach(const NetworkPlan& plan, const std::string& vm_id,
                             base::Deadline deadline) {
  std::vector<const char*> dns;
  for (const auto& server : plan.dns) dns.push_back(server.c_str());
  std::vector<fcvm_publish> ports;
  for (const auto& port : plan.publish) ports.push_back(abi(port));
  std::vector<const fcvm_publish*> pointers;
  for (const auto& port : ports) pointers.push_back(&port);
  auto request = sized<fcvm_net_request>();
  // Where neither host nor plugin has IPv6, there is none.
  request.flags = FCVM_NET_WANT_IPV6;
  const auto openings = openings_of(plan);
  std::vector<const fcvm_net_opening*> open;
  for (const auto& one : openings) open.push_back(&one);
  request.flags |= flags_of(plan);
  request.openings = open.data();
  request.opening_count = static_cast<std::uint32_t>(open.size());
  request.rate_in = plan.rate_in;
  request.rate_out = plan.rate_out;
  request.vm_id = vm_id.c_str();
  request.mac = or_null(plan.mac);
  request.ipv4 = or_null(plan.ipv4);
  request.ipv6 = or_null(plan.ipv6);
  request.mtu = plan.mtu;
  request.dns = dns.data();
  request.dns_count = static_cast<std::uint32_t>(dns.size());
  request.publish = pointers.data();
  request.publish_count = static_cast<std::uint32_t>(pointers.size());
  auto made = sized<fcvm_net_attachment>();
  made.net_namespace_fd = made.user_namespace_fd = -1;
  FCVM_TRY(instance_->call(kAttach, instance_->verbs().attach, &request, deadline.as_ns(), &made));
  attachment_ = take(made);
  const std::lock_guard lock(dials_);
  attached_ = true;
  return {};
}

Result<void> Network::detach(base::Deadline deadline) {
  // A cancel does not reach a verb that has not quite begun, so it is said again.
  while (!dials_.try_lock()) {
    instance_->cancel();
    std::this_thread::sleep_for(kCancelPause);
  }
  const std::lock_guard lock(dials_, std::adopt_lock);
  attached_ = false;
  // Else they would keep alive what the plugin is about to give up.
  attachment_.net_namespace = Fd();
  attachment_.user_namespace = Fd();
  return instance_->call(kDetach, instance_->verbs().detach, deadline.as_ns());
}

Result<Fd> Network::dial(std::uint32_t protocol, std::uint16_t port, base::Deadline deadline) {
  const std::shared_lock lock(dials_, std::try_to_lock);
  if (!lock || !attached_) return fail(ECANCELED, "the VM's network is being removed");
  std::int32_t fd = -1;
  FCVM_TRY(instance_->call(kDial, instance_->verbs().dial, protocol, port, deadline.as_ns(), &fd));
  return Fd(fd);
}

Result<void> Network::publish(const PublishedPort& port, base::Deadline deadline) {
  const auto publish = abi(port);
  return instance_->call(kPublish, instance_->verbs().publish, &publish, deadline.as_ns());
}

Result<void> Network::unpublish(const PublishedPort& port, base::Deadline deadline) {
  const auto publish = abi(port);
  return instance_->call(kUnpublish, instance_->verbs().unpublish, &publish, deadline.as_ns());
}

Result<int> Network::health() {
  std::int32_t fd = -1;
  FCVM_TRY(instance_->call(kHealth, instance_->verbs().health, &fd));
  return fd;
}

}  // namespace fcvm::vm
