// net.rootless: a network that needs no privilege, from pasta and a user namespace.
#include <memory>
#include <mutex>
#include <unistd.h>

#include "plugins/net/rootless/attachment.hpp"

namespace fcvm::rootless {

class RootlessPlugin : public NetPlugin {
 public:
  static constexpr Info kInfo{"net.rootless", FCVM_VERSION,
                              "a network without privilege, through pasta",
                              FCVM_NET_CAN_IPV6 | FCVM_NET_CAN_PUBLISH | FCVM_NET_CAN_PUBLISH_UDP |
                                  FCVM_NET_CAN_CHOOSE_ADDRESS | FCVM_NET_CAN_REATTACH |
                                  FCVM_NET_KEEPS_CLOSED | FCVM_NET_CAN_LIMIT_RATE,
                              100};
  using Options = rootless::Options;

  RootlessPlugin(Host host, Options options) : host_(host), options_(std::move(options)) {}

  /// Asks pasta, and makes the very namespaces that attach() will need.
  static Result<Probe> probe(const Host& host, const Options& options, const Call& call) {
    const auto offer = PastaOffer::ask(host, options.pasta, call);
    if (!offer) return Probe::unusable(offer.error().message(), offer.error().remedy());
    auto holder = Holder::start(host, trial_setup(), call);
    if (!holder) return Probe::unusable(holder.error().message(), holder.error().remedy());
    auto filter = FCVM_TRY(base::NetlinkSocket::adopt(holder->take_filter()));
    const auto closed = net::make_tap_filter(filter, closed_filter(), {});
    if (!closed) return Probe::unusable(closed.error().message(), closed.error().remedy());
    const auto version = FCVM_TRY(PastaOffer::version(host, options.pasta, call));
    const auto fault = fault_of_pasta(version);
    if (fault.empty()) return Probe::usable(version);
    return Probe::degraded(fault,
                           "install a pasta (package passt) of 2025-03-20 or later, or use bridged "
                           "networks, as root",
                           version);
  }

  Result<NetAttachment> attach(const fcvm_net_request& request, const Call& call) {
    if (attachment()) return fail(EBUSY, "attaching the network: it is attached already");
    if (request.vm_id == nullptr) return fail(EINVAL, "attaching the network: no VM is named");
    std::shared_ptr<Attachment> made = FCVM_TRY(Attachment::make(host_, options_, request, call));
    auto out = FCVM_TRY(made->describe());
    const std::lock_guard lock(mutex_);
    attachment_ = std::move(made);
    return out;
  }

  Result<void> detach(const Call&) {
    std::shared_ptr<Attachment> ended;
    {
      const std::lock_guard lock(mutex_);
      ended.swap(attachment_);
    }
    // A dial that is under way still holds it, and fails with its end.
    if (ended) ended->end();
    return {};
  }

  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) {
    const auto attached = FCVM_TRY(need("dialling the guest"));
    return attached->dial(protocol, port, call);
  }

  Result<Published> publish(const fcvm_publish& wanted, const Call& call) {
    const auto attached = FCVM_TRY(need("publishing a port"));
    return attached->publish(wanted, call);
  }

  Result<void> unpublish(const fcvm_publish& unwanted, const Call& call) {
    const auto attached = FCVM_TRY(need("taking a published port back"));
    return attached->unpublish(unwanted, call);
  }

  Result<NetHealth> health() {
    const auto attached = FCVM_TRY(need("asking for the network's health"));
    return attached->health();
  }

 private:
  static HolderSetup trial_setup();

  std::shared_ptr<Attachment> attachment() {
    const std::lock_guard lock(mutex_);
    return attachment_;
  }
  Result<std::shared_ptr<Attachment>> need(const std::string& doing) {
    auto attached = attachment();
    if (!attached) return fail(ENOTCONN, doing + ": no network is attached");
    return attached;
  }

  const Host host_;
  const Options options_;
  std::mutex mutex_;
  std::shared_ptr<Attachment> attachment_;
};

HolderSetup RootlessPlugin::trial_setup() {
  HolderSetup setup;
  setup.mtu = kDefaultMtu;
  setup.guest_mac = setup.bridge_mac = *base::MacAddress::parse(kBridgeMac);
  setup.guest_mac.bytes.back() ^= 0x80;
  setup.guest_ipv4 = *base::IpAddress::parse(kGuestIpv4);
  setup.bridge_ipv4 = {*base::IpAddress::parse(kBridgeIpv4), kPrefixIpv4};
  return setup;
}

}  // namespace fcvm::rootless

FCVM_EXPORT_PLUGIN(fcvm::rootless::RootlessPlugin);
