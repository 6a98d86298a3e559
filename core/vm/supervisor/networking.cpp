// See networking.hpp.
#include "core/vm/supervisor/networking.hpp"

#include <algorithm>
#include <iterator>
#include <chrono>

#include <fmt/core.h>

#include "core/log/log.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

/// A descriptor that stays readable though all is well must not keep the loop busy.
constexpr auto kHealthPause = 1s;
/// How long a plugin may take to open or close a port.
constexpr auto kPublishLimit = 10s;

/// Those that one without an address was published as; the first of them has to be there.
std::vector<PublishedPort> all_of(const PublishedPort& wish, const Network& network,
                                  const NetworkPlan& plan,
                                  const std::vector<PublishedPort>& published) {
  std::vector<PublishedPort> all{wish};
  if (!wish.address.empty()) return all;
  all.front().address = network.attachment().host_address;
  PublishedPort twin = wish;
  twin.address = plan.publish_address;
  if (std::find(published.begin(), published.end(), twin) != published.end()) all.push_back(twin);
  return all;
}

/// "53/udp": wherever on the host it is. The wish itself when there is none.
std::vector<PublishedPort> leading_to(const PublishedPort& wish,
                                             const std::vector<PublishedPort>& published) {
  std::vector<PublishedPort> found;
  std::copy_if(published.begin(), published.end(), std::back_inserter(found),
               [&](const PublishedPort& port) {
                 return port.protocol == wish.protocol && port.guest_port == wish.guest_port &&
                        port.count == wish.count;
               });
  if (found.empty()) found.push_back(wish);
  return found;
}

}  // namespace

void Networking::made() {
  Network* const network = launch_.network();
  if (network == nullptr) return;
  const Attachment& made = network->attachment();
  tap_ = made.tap;
  record_.note([&](Record& record) {
    for (const auto& address : {made.guest_ipv4, made.guest_ipv6}) {
      if (!address.empty()) record.guest_addresses.push_back(address);
    }
    for (const auto& gateway : {made.gateway_ipv4, made.gateway_ipv6}) {
      if (!gateway.empty()) record.gateways.push_back(gateway);
    }
    record.mac_address = made.mac;
    record.host_address = made.host_address;
    record.network_open = plan_.opened();
    record.network_rate_in = plan_.rate_in;
    record.network_rate_out = plan_.rate_out;
    record.ports = made.published;
  });
  watch();
}

void Networking::stop() {
  is_stopped_ = true;
  health_watch_.stop();
  loop_.cancel(again_);
}

/// Asks now, and again when the plugin's descriptor says that it is worthwhile.
void Networking::watch() {
  if (is_stopped_) return;
  const auto health = launch_.network()->health();
  if (!health) return on_broken(health.error());
  if (*health < 0) return;
  const auto watched = health_watch_.set(*health, [this] {
    const auto again = launch_.network()->health();
    if (!again) return on_broken(again.error());
    again_ = loop_.after(kHealthPause, [this] { watch(); });
  });
  if (!watched) log::warning("vm", "the network's health: {}", watched.error().message());
}

/// The VM goes on: what it does without a network may matter to somebody.
void Networking::on_broken(const Error& why) {
  if (is_stopped_) return;
  log::warning("vm", "the network of VM {} broke: {}", record_.name(), why.message());
  record_.note([&](Record& record) { record.network_error = why.message(); });
  record_.tell("network", {{"error", why.message()}});
}

Result<Network*> Networking::live() {
  if (launch_.cancelled()) return fail(ECANCELED, "canceled");
  Network* const network = launch_.network();
  if (network == nullptr) {
    return fail(ENETUNREACH, fmt::format("VM {} has no network", record_.name()),
                "run it with another --network than none");
  }
  return network;
}

Result<Fd> Networking::dial(std::uint16_t port, base::Deadline deadline) {
  if (port == 0) return fail(EINVAL, "there is no TCP port 0");
  Network* const network = FCVM_TRY(live());
  return network->dial(FCVM_PROTO_TCP, port, deadline);
}

Result<std::vector<PublishedPort>> Networking::publish_one(Network& network,
                                                           const PublishedPort& wish) {
  PublishedPort own = wish;
  if (own.address.empty()) own.address = network.attachment().host_address;
  FCVM_TRY(record_.look([&](const Record& record) { return check_free(own, record.ports); }));
  return network.publish(wish, base::Deadline::in(kPublishLimit));
}

Result<std::vector<PublishedPort>> Networking::publish(std::vector<PublishedPort> wishes) {
  Network* const network = FCVM_TRY(live());
  std::vector<PublishedPort> taken;
  for (const auto& wish : named_first(std::move(wishes))) {
    auto one = publish_one(*network, wish);
    if (one) {
      taken.insert(taken.end(), one->begin(), one->end());
      continue;
    }
    for (const auto& undone : taken) {
      const auto removed = network->unpublish(undone, base::Deadline::in(kPublishLimit));
      if (!removed) log::warning("vm", "{}", removed.error().message());
    }
    return unexpected(std::move(one).error().context("publishing " + to_text(wish)));
  }
  record_.note(
      [&](Record& record) { record.ports.insert(record.ports.end(), taken.begin(), taken.end()); });
  return taken;
}

Result<std::vector<PublishedPort>> Networking::unpublish(std::vector<PublishedPort> ports) {
  Network* const network = FCVM_TRY(live());
  const auto published = record_.look([](const Record& record) { return record.ports; });
  std::vector<PublishedPort> unwanted;
  for (const auto& wish : ports) {
    for (const auto& port : wish.host_port == 0 ? leading_to(wish, published)
                                                : all_of(wish, *network, plan_, published)) {
      if (std::find(published.begin(), published.end(), port) == published.end()) {
        return fail(ENOENT, fmt::format("{} is not published", to_text(wish)),
                    "fcvm port " + record_.name() + " lists what is");
      }
      unwanted.push_back(port);
    }
  }
  for (const auto& port : unwanted) {
    FCVM_TRY(network->unpublish(port, base::Deadline::in(kPublishLimit)) |
             context("removing the published port " + to_text(port)));
    record_.note([&](Record& record) { std::erase(record.ports, port); });
  }
  return unwanted;
}

}  // namespace fcvm::vm
