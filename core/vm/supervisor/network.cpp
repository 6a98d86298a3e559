#include "core/vm/supervisor/network.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include <fmt/core.h>

#include "core/log/log.hpp"
#include "core/plugin/handed_over.hpp"

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

constexpr std::chrono::milliseconds kTryAgain{10};
/// No network has as many resolvers or ranges of ports: a plugin's loop must not take all memory.
constexpr std::size_t kMostReported = 65536;

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

/// Borrows the text of `port`.
fcvm_publish abi(const PublishedPort& port) {
  auto publish = sized<fcvm_publish>();
  publish.protocol = static_cast<std::uint32_t>(port.protocol);
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
  if (plan.reattach) flags |= FCVM_NET_REATTACH;
  if (plan.link_local) flags |= FCVM_NET_LINK_LOCAL;
  return flags;
}

fcvm_net_opening opening(std::uint32_t what, const OpenPorts& ports) {
  auto made = sized<fcvm_net_opening>();
  made.what = what;
  made.first_port = ports.first;
  made.count = ports.count;
  if (ports.protocol) made.protocol = static_cast<std::uint32_t>(*ports.protocol);
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
    all.push_back(opening(what, {proxy.port, 1, Protocol::kTcp}));
    all.back().address = or_null(proxy.address);
  }
  return all;
}

template <std::size_t N>
std::string copy(const char (&field)[N]) {
  return std::string(text_of(field));
}

bool answers(const PublishedPort& wish, const PublishedPort& taken) {
  return taken.protocol == wish.protocol && taken.guest_port == wish.guest_port &&
         taken.count == wish.count && (wish.host_port == 0 || taken.host_port == wish.host_port);
}

/// What a plugin reports: fcvm_net_report over these.
struct Reported {
  std::vector<std::string> dns;
  std::vector<PublishedPort> published;

  [[nodiscard]] fcvm_net_report abi() {
    auto report = sized<fcvm_net_report>();
    report.context = this;
    report.dns = [](void* context, const char* address) {
      auto& all = static_cast<Reported*>(context)->dns;
      if (address != nullptr && all.size() < kMostReported) all.emplace_back(address);
    };
    report.published = [](void* context, const fcvm_published* raw) {
      auto& all = static_cast<Reported*>(context)->published;
      const auto port = sized_copy(raw);
      if (port.address == nullptr || all.size() >= kMostReported) return;
      all.push_back({port.address, port.host_port, port.guest_port,
                     port.protocol == FCVM_PROTO_UDP ? Protocol::kUdp : Protocol::kTcp,
                     port.count});
    };
    return report;
  }
};

/// Each wish is there once attach or publish has succeeded. One without a report is taken as it was
/// wished; only a free port would be one that nobody knows.
Result<std::vector<PublishedPort>> taken_for(const std::vector<PublishedPort>& wishes,
                                             const std::vector<PublishedPort>& reported,
                                             const std::string& host_address,
                                             const std::string& plugin) {
  std::vector<PublishedPort> rest = reported;
  std::vector<PublishedPort> taken;
  for (auto wish : wishes) {
    const auto found =
        std::find_if(rest.begin(), rest.end(), [&](const auto& one) { return answers(wish, one); });
    if (found != rest.end()) {
      taken.push_back(*found);
      rest.erase(found);
      continue;
    }
    if (wish.host_port == 0) {
      return fail(EPROTO,
                  fmt::format("{} published {} and did not report where", plugin, to_text(wish)),
                  "report it to its author");
    }
    if (wish.address.empty()) wish.address = host_address;
    taken.push_back(std::move(wish));
  }
  return taken;
}

}  // namespace

/// `taken`'s descriptors are ours, whatever is wrong with one of them.
Result<Attachment> Network::take(const fcvm_net_attachment& taken) const {
  const auto owned = [&](std::uint32_t bit, int fd, const char* what) -> Result<Fd> {
    if ((taken.flags & bit) == 0) return Fd();
    return plugin::take_descriptor(instance_->plugin_id(), what, fd);
  };
  auto net = owned(FCVM_NET_HAS_NET_NAMESPACE, taken.net_namespace_fd, "its network namespace");
  auto user = owned(FCVM_NET_HAS_USER_NAMESPACE, taken.user_namespace_fd, "its user namespace");
  return Attachment{FCVM_TRY(std::move(net)),
                    FCVM_TRY(std::move(user)),
                    copy(taken.tap),
                    copy(taken.mac),
                    taken.mtu,
                    copy(taken.guest_ipv4),
                    copy(taken.gateway_ipv4),
                    copy(taken.guest_ipv6),
                    copy(taken.gateway_ipv6),
                    {},
                    {},
                    copy(taken.host_address),
                    copy(taken.host_gateway)};
}

Result<void> Network::attach(const NetworkPlan& plan, const std::string& vm_id,
                             base::Deadline deadline) {
  std::vector<const char*> dns;
  for (const auto& server : plan.dns) dns.push_back(server.c_str());
  std::vector<fcvm_publish> ports;
  const auto wishes = named_first(plan.publish);
  for (const auto& wish : wishes) ports.push_back(abi(wish));
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
  request.ipv6_prefix = or_null(plan.ipv6_prefix);
  Reported reported;
  const auto report = reported.abi();
  auto made = sized<fcvm_net_attachment>();
  FCVM_TRY(name_owner(instance_->call(kAttach, instance_->verbs().attach, &request,
                                      deadline.as_ns(), &made, &report),
                      wishes));
  attachment_ = FCVM_TRY(take(made));
  attachment_.dns = std::move(reported.dns);
  const auto published = FCVM_TRY(
      taken_for(wishes, reported.published, attachment_.host_address, instance_->plugin_id()));
  attachment_.published = published;
  publish_address_ = plan.publish_address;
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    if (wishes[i].address.empty()) publish_twin(published[i], attachment_.published, deadline);
  }
  const std::lock_guard lock(dials_);
  attached_ = true;
  return {};
}

Result<void> Network::detach(base::Deadline deadline) {
  // A cancel does not reach a verb that has not quite begun, so it is said again.
  while (!dials_.try_lock()) {
    instance_->cancel();
    std::this_thread::sleep_for(kTryAgain);
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
  return plugin::take_descriptor(instance_->plugin_id(), "the stream of dial", fd);
}

/// Others may have that address's port, another VM first of all: the VM's own leads there anyway.
void Network::publish_twin(const PublishedPort& own, std::vector<PublishedPort>& taken,
                           base::Deadline deadline) {
  PublishedPort twin = own;
  twin.address = publish_address_;
  if (twin.address.empty() || !check_free(twin, taken)) return;
  auto published = publish_one(twin, FCVM_PUBLISH_HOST_ONLY, deadline);
  if (published) return taken.push_back(*std::move(published));
  if (published.error().code() == ENOTSUP) return;
  log::warning("vm", "{}: port {} of the VM is reached at {} alone", published.error().message(),
               own.guest_port, endpoint_text(own.address, own.host_port, own.count));
}

Result<std::vector<PublishedPort>> Network::publish(const PublishedPort& wish,
                                                    base::Deadline deadline) {
  std::vector<PublishedPort> taken{FCVM_TRY(publish_one(wish, 0, deadline))};
  if (wish.address.empty()) publish_twin(PublishedPort(taken.front()), taken, deadline);
  return taken;
}

Result<void> Network::add_ports(const std::vector<PublishedPort>& wishes, base::Deadline deadline) {
  for (const auto& wish : wishes) {
    const auto taken = FCVM_TRY(publish(wish, deadline) | context("publishing " + to_text(wish)));
    attachment_.published.insert(attachment_.published.end(), taken.begin(), taken.end());
  }
  return {};
}

Result<PublishedPort> Network::publish_one(const PublishedPort& port, std::uint16_t flags,
                                           base::Deadline deadline) {
  auto publish = abi(port);
  publish.flags = flags;
  Reported reported;
  const auto report = reported.abi();
  FCVM_TRY(name_owner(
      instance_->call(kPublish, instance_->verbs().publish, &publish, deadline.as_ns(), &report),
      {port}));
  return FCVM_TRY(taken_for({port}, reported.published, attachment_.host_address,
                            instance_->plugin_id()))
      .front();
}

/// A plugin knows which process has a port, and not whose that is.
Result<void> Network::name_owner(Result<void> done,
                                 const std::vector<PublishedPort>& wishes) const {
  if (done || done.error().code() != EADDRINUSE || !port_owner_) return done;
  for (const auto& wish : wishes) {
    // Without an address it is the VM's own, which is no other's.
    const auto owner = wish.address.empty() ? "" : port_owner_(wish);
    if (owner.empty()) continue;
    return fail(EADDRINUSE,
                fmt::format("publishing {}: VM {} publishes that port", to_text(wish), owner),
                fmt::format("publish another port; fcvm port {} lists that VM's", owner));
  }
  return done;
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
