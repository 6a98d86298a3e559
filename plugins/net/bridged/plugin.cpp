// net.bridged: VMs behind the host's address, as containers are with podman as root: a namespace
// and a veth pair for each, ports published by address translation.
#include <fcvm/net.hpp>

#include "plugins/net/veth/inside.hpp"
#include "plugins/net/veth/veth_network.hpp"

namespace fcvm::net {

struct BridgedOptions {
  std::string address_pool = "172.30.0.0/16";
  bool ipv6 = true;
  std::string resolv_conf = "/etc/resolv.conf";
  std::string lease_directory = "/run/fcvm/net";

  static auto table() {
    using O = BridgedOptions;
    return fcvm::options(
        fcvm::option("address-pool", &O::address_pool,
                     "an IPv4 network of which each VM takes four addresses"),
        fcvm::option("ipv6", &O::ipv6, "give VMs IPv6 too, where the host has it"),
        fcvm::option("resolv-conf", &O::resolv_conf, "the file that names the host's resolvers"),
        fcvm::option("lease-directory", &O::lease_directory,
                     "where it is noted which addresses are taken"));
  }
  [[nodiscard]] VethOptions veth() const { return {address_pool, lease_directory, resolv_conf}; }
};

class BridgedPlugin : public NetPlugin {
 public:
  using Options = BridgedOptions;
  static constexpr Info kInfo{"net.bridged", FCVM_VERSION,
                              "behind the host's address, by a veth pair and nf_tables; needs root",
                              FCVM_NET_CAN_IPV6 | FCVM_NET_CAN_PUBLISH | FCVM_NET_CAN_PUBLISH_UDP |
                                  FCVM_NET_CAN_CHOOSE_ADDRESS | FCVM_NET_CAN_REATTACH |
                                  FCVM_NET_NEEDS_ROOT | FCVM_NET_KEEPS_CLOSED |
                                  FCVM_NET_CAN_LIMIT_RATE};

  BridgedPlugin(const Host& host, const Options& options)
      : network_(host, options.veth()), ipv6_(options.ipv6) {}

  static Result<Probe> probe(const Host&, const Options& options, const Call&) {
    return probe_veth(options.veth());
  }

  Result<NetAttachment> attach(const fcvm_net_request& request, const Call& call) {
    const Mode mode{[this](const PlanInputs& inputs) { return plan_ipv6(inputs); }, true};
    return network_.attach(FCVM_TRY(Request::read(request)), mode, call);
  }
  Result<void> detach(const Call&) { return network_.detach(); }
  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) {
    return network_.dial(protocol, port, call);
  }
  Result<Published> publish(const fcvm_publish& wanted, const Call&) {
    return network_.publish(wanted);
  }
  Result<void> unpublish(const fcvm_publish& unwanted, const Call&) {
    return network_.unpublish(unwanted);
  }
  Result<NetHealth> health() { return NetHealth{FCVM_TRY(network_.health())}; }
  Result<void> recover(const Call&) { return network_.recover(); }

 private:
  /// Private addresses, one network for each place in the pool: fd66:6376:6d00:7::2 is VM 7.
  static base::IpAddress outside_of(const PairNetwork& pair) {
    base::IpAddress outside = address("fd66:6376:6d00::2");
    for (unsigned i = 0; i < 2; ++i) {
      outside.bytes[7 - i] = static_cast<std::uint8_t>(pair.number >> (8 * i));
    }
    outside.bytes[5] = static_cast<std::uint8_t>(pair.number >> 16U);
    return outside;
  }

  Result<std::optional<Ipv6Plan>> plan_ipv6(const PlanInputs& inputs) const {
    const Request& request = inputs.request;
    const bool offered = ipv6_ && request.want_ipv6 && inputs.host.default_link(AF_INET6);
    // A clone keeps what it has inside, whether or not that leads anywhere here.
    if (!request.ipv6 && (request.reattach || !offered)) return std::optional<Ipv6Plan>();
    Ipv6Plan plan;
    plan.guest = FCVM_TRY(inside_ipv6(request.ipv6.value_or(prefix(kInsideGuest6))));
    const bool of_inside = prefix(kInsideNetwork6).contains(plan.guest.address);
    if (!request.reattach && !of_inside) {
      return fail(EINVAL,
                  "the address " + plan.guest.address.to_string() + " is not of " +
                      kInsideNetwork6 + ", where guests are inside",
                  "choose one such as fd00::50, or use --network routed");
    }
    plan.outside = outside_of(inputs.pair);
    return std::optional(std::move(plan));
  }

  VethNetwork network_;
  bool ipv6_;
};

}  // namespace fcvm::net

FCVM_EXPORT_PLUGIN(fcvm::net::BridgedPlugin);
