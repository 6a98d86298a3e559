// The network of a supervised VM: what its record says of it, its health, its published ports, and
// connections into the guest.
#include <algorithm>
#include <fcntl.h>

#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

/// A descriptor that stays readable though all is well must not keep the loop busy.
constexpr auto kHealthPause = 1s;

}  // namespace

void Supervisor::Impl::on_network_made() {
  Network* const network = launch_->network();
  if (network == nullptr || state_.ending) return;
  const Attachment& made = network->attachment();
  change_record([&](Record& record) {
    for (const auto& address : {made.guest_ipv4, made.guest_ipv6}) {
      if (!address.empty()) record.guest_addresses.push_back(address);
    }
    for (const auto& gateway : {made.gateway_ipv4, made.gateway_ipv6}) {
      if (!gateway.empty()) record.gateways.push_back(gateway);
    }
    record.mac_address = made.mac;
    record.host_address = made.host_address;
    record.network_open = plan_.network.opened();
    record.network_rate_in = plan_.network.rate_in;
    record.network_rate_out = plan_.network.rate_out;
    record.ports = made.published;
  });
  watch_network();
}

/// Asks now, and again when the plugin's descriptor says that it is worthwhile.
void Supervisor::Impl::watch_network() {
  if (state_.ending) return;
  const auto health = launch_->network()->health();
  if (!health) return on_network_broken(health.error());
  if (*health < 0) return;
  watch_once(network_watch_, *health, [this] {
    const auto again = launch_->network()->health();
    if (!again) return on_network_broken(again.error());
    network_timer_ = loop_->after(kHealthPause, [this] { watch_network(); });
  });
}

/// The VM goes on: what it does without a network may matter to somebody.
void Supervisor::Impl::on_network_broken(const Error& why) {
  if (state_.ending) return;
  log::warning("vm", "the network of VM {} broke: {}", record_.name, why.message());
  change_record([&](Record& record) { record.network_error = why.message(); });
  log_happening("network", {{"error", why.message()}});
}

Result<Network*> Supervisor::Impl::live_network() {
  Network* const network = launch_->network();
  if (launch_->cancelled()) return fail(ECANCELED, "canceled");
  if (network == nullptr) {
    return fail(ENETUNREACH, fmt::format("VM {} has no network", record_.name),
                "run it with another --network than none");
  }
  return network;
}

void Supervisor::Impl::on(const ask::DialTcp& request, Reply<ask::Stream> reply) {
  hand_over(
      [this, port = request.port](base::Deadline deadline) -> Result<Fd> {
        if (port == 0) return fail(EINVAL, "there is no TCP port 0");
        Network* const network = FCVM_TRY(live_network());
        return network->dial(FCVM_PROTO_TCP, port, deadline);
      },
      request.within, std::move(reply));
}

/// On the worker, where all verbs of the network but dial and health run one at a time. `work`
/// takes the network and the ports, all with an address, and gives those of the answer.
template <typename Work>
void Supervisor::Impl::answer_ports(Reply<ask::Ports> reply, std::vector<PublishedPort> ports,
                                    Work work) {
  on_worker([this, ports = std::move(ports), work, reply = std::move(reply)]() mutable {
    auto done = [&]() -> Result<ask::Ports> {
      Network* const network = FCVM_TRY(live_network());
      for (auto& port : ports) {
        if (port.address.empty()) port.address = network->attachment().host_address;
      }
      return ask::Ports{FCVM_TRY(work(*network, ports))};
    }();
    on_control([reply, done = std::move(done)] { reply(done); });
  });
}

void Supervisor::Impl::on(const ask::Publish& request, Reply<ask::Ports> reply) {
  const auto publish = [this](Network& network, const auto& ports) {
    return publish_each(network, ports);
  };
  answer_ports(std::move(reply), named_first(request.ports), publish);
}

void Supervisor::Impl::on(const ask::Unpublish& request, Reply<ask::Ports> reply) {
  const auto unpublish = [this](Network& network,
                                const auto& ports) -> Result<std::vector<PublishedPort>> {
    FCVM_TRY(unpublish_each(network, ports));
    return ports;
  };
  answer_ports(std::move(reply), request.ports, unpublish);
}

/// All or none; what was taken.
Result<std::vector<PublishedPort>> Supervisor::Impl::publish_each(
    Network& network, const std::vector<PublishedPort>& wishes) {
  std::vector<PublishedPort> taken;
  for (const auto& wish : wishes) {
    auto one = [&]() -> Result<PublishedPort> {
      {
        const std::lock_guard lock(record_mutex_);
        FCVM_TRY(check_free(wish, record_.ports));
      }
      return network.publish(wish, base::Deadline::in(kRequestLimit));
    }();
    if (one) {
      taken.push_back(*std::move(one));
      continue;
    }
    for (const auto& undone : taken) {
      const auto removed = network.unpublish(undone, base::Deadline::in(kRequestLimit));
      if (!removed) log::warning("vm", "{}", removed.error().message());
    }
    return unexpected(std::move(one).error().context("publishing " + to_text(wish)));
  }
  change_record(
      [&](Record& record) { record.ports.insert(record.ports.end(), taken.begin(), taken.end()); });
  return taken;
}

/// Only what is there, and as it was published.
Result<void> Supervisor::Impl::unpublish_each(Network& network,
                                              const std::vector<PublishedPort>& ports) {
  for (const auto& port : ports) {
    const std::lock_guard lock(record_mutex_);
    const auto& all = record_.ports;
    if (std::find(all.begin(), all.end(), port) != all.end()) continue;
    return fail(ENOENT, fmt::format("{} is not published", to_text(port)),
                "fcvm port " + record_.name + " lists what is");
  }
  for (const auto& port : ports) {
    FCVM_TRY(network.unpublish(port, base::Deadline::in(kRequestLimit)) |
             context("removing the published port " + to_text(port)));
    change_record([&](Record& record) { std::erase(record.ports, port); });
  }
  return {};
}

}  // namespace fcvm::vm
