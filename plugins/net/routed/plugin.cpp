// net.routed: each VM has an IPv6 address of its own, to which the host routes. IPv4 is there
// beside it, behind the host's address, for resolvers and whatever else has no IPv6; ports are
// published by a forwarder on the VM's own loopback address.
#include <fcvm/net.hpp>

#include "plugins/net/common/health_watch.hpp"
#include "plugins/net/common/publisher.hpp"
#include "plugins/net/routed/world_prefix.hpp"
#include "plugins/net/veth/inside.hpp"
#include "plugins/net/veth/veth_network.hpp"

namespace fcvm::net {

struct RoutedOptions {
  std::string ipv6_prefix;
  std::string address_pool = "172.30.0.0/16";
  std::string resolv_conf = "/etc/resolv.conf";
  std::string lease_directory = "/run/fcvm/net";

  static auto table() {
    using O = RoutedOptions;
    return fcvm::options(
        fcvm::option("ipv6-prefix", &O::ipv6_prefix,
                     "an IPv6 prefix routed to this host, up to /120; none: addresses of the "
                     "host's own /64"),
        fcvm::option("address-pool", &O::address_pool,
                     "an IPv4 network of which each VM takes four addresses"),
        fcvm::option("resolv-conf", &O::resolv_conf, "the file that names the host's resolvers"),
        fcvm::option("lease-directory", &O::lease_directory,
                     "where it is noted which addresses are taken"));
  }
  [[nodiscard]] VethOptions veth() const { return {address_pool, lease_directory, resolv_conf}; }
};

class RoutedPlugin : public NetPlugin {
 public:
  using Options = RoutedOptions;
  static constexpr Info kInfo{
      "net.routed", FCVM_VERSION, "an IPv6 address of the world for each VM; needs root and IPv6",
      FCVM_NET_CAN_IPV6 | FCVM_NET_CAN_PUBLISH | FCVM_NET_CAN_PUBLISH_UDP |
          FCVM_NET_CAN_CHOOSE_ADDRESS | FCVM_NET_CAN_REATTACH | FCVM_NET_NEEDS_ROOT |
          FCVM_NET_KEEPS_CLOSED | FCVM_NET_CAN_LIMIT_RATE | FCVM_NET_TAKES_IPV6_PREFIX};

  RoutedPlugin(const Host& host, const Options& options)
      : publisher_(host), network_(host, options.veth()), ipv6_prefix_(options.ipv6_prefix) {}

  static Result<Probe> probe(const Host&, const Options& options, const Call&) {
    auto usual = FCVM_TRY(probe_veth(options.veth()));
    if (usual.status == FCVM_PROBE_UNUSABLE) return usual;
    auto kernel = FCVM_TRY(base::Rtnetlink::open());
    const auto world = find_world(options.ipv6_prefix, FCVM_TRY(HostNetwork::survey(kernel)));
    if (!world) return Probe::unusable(world.error().message(), world.error().remedy());
    return Probe::usable("VMs at " + world->prefix.to_string());
  }

  Result<NetAttachment> attach(const fcvm_net_request& request, const Call& call) {
    if (network_.namespace_fd() >= 0) return fail(EBUSY, "this instance has a network already");
    const Request read = FCVM_TRY(Request::read(request));
    FCVM_TRY(publisher_.reserve(request));
    watched_ = FCVM_TRY(HealthWatch::make());
    auto made = attach_reserved(read, call);
    if (!made) publisher_.stop();
    return made;
  }

  Result<void> detach(const Call&) {
    publisher_.stop();
    return network_.detach();
  }
  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) {
    return network_.dial(protocol, port, call);
  }
  Result<Published> publish(const fcvm_publish& wanted, const Call& call) {
    auto taken = FCVM_TRY(publisher_.publish(wanted, call));
    const int forwarder = FCVM_TRY(publisher_.health());
    FCVM_TRY(watched_.add(forwarder));  // which the first port brings
    return taken;
  }
  Result<void> unpublish(const fcvm_publish& unwanted, const Call& call) {
    return publisher_.unpublish(unwanted, call);
  }
  Result<NetHealth> health() {
    FCVM_TRY(network_.health());
    FCVM_TRY(publisher_.health());
    return NetHealth{watched_.fd()};
  }
  Result<void> recover(const Call&) { return network_.recover(); }

 private:
  static Result<WorldPrefix> find_world(const std::string& given, const HostNetwork& host) {
    return given.empty() ? WorldPrefix::of_host(host) : WorldPrefix::of_user(given, host);
  }

  Result<NetAttachment> attach_reserved(const Request& request, const Call& call) {
    const Mode mode{[this](const PlanInputs& inputs) { return plan_ipv6(inputs); }, false};
    auto made = FCVM_TRY(network_.attach(request, mode, call));
    ForwardTarget target;
    target.net_namespace_fd = network_.namespace_fd();
    target.guest_ipv4 = text_of(made.given.guest_ipv4);
    target.guest_ipv6 = text_of(made.given.guest_ipv6);
    if (auto started = start_publisher(target, call); !started) {
      FCVM_TRY(network_.detach());
      return unexpected(std::move(started).error());
    }
    put_text(made.given.host_address, publisher_.host_address());
    made.published = publisher_.reserved();
    return made;
  }

  Result<void> start_publisher(const ForwardTarget& target, const Call& call) {
    FCVM_TRY(publisher_.start(target, call));
    const int firewall = FCVM_TRY(network_.health());
    FCVM_TRY(watched_.add(firewall));
    return watched_.add(FCVM_TRY(publisher_.health()));
  }

  Result<std::optional<Ipv6Plan>> plan_ipv6(const PlanInputs& inputs) const {
    const Request& request = inputs.request;
    const std::string& prefix = request.ipv6_prefix.empty() ? ipv6_prefix_ : request.ipv6_prefix;
    const WorldPrefix world = FCVM_TRY(find_world(prefix, inputs.host));
    // The guest of a snapshot without IPv6 knows of none.
    if (request.reattach && !request.ipv6) return std::optional<Ipv6Plan>();
    auto taken = FCVM_TRY(take_address(world, request, inputs.host, inputs.directory));
    Ipv6Plan plan;
    // The guest has its address itself; only a clone keeps that of its snapshot.
    const auto inside = request.reattach ? *request.ipv6 : base::IpPrefix::host(taken.address);
    plan.guest = FCVM_TRY(inside_ipv6(inside));
    plan.outside = taken.address;
    plan.masquerade = !world.given;
    plan.reachable = true;
    plan.ndp_proxy = world.uplink;
    plan.lease_file = std::move(taken.lease_file);
    plan.lease = std::move(taken.lease);
    return std::optional(std::move(plan));
  }

  Publisher publisher_;
  VethNetwork network_;
  HealthWatch watched_;  // of the firewall and the forwarder
  std::string ipv6_prefix_;
};

}  // namespace fcvm::net

FCVM_EXPORT_PLUGIN(fcvm::net::RoutedPlugin);
