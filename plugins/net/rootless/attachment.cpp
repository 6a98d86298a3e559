// See attachment.hpp.
#include "plugins/net/rootless/attachment.hpp"

#include "core/base/io/poll.hpp"

namespace fcvm::rootless {

namespace {

/// For a process that the kernel holds in an uninterruptible wait.
constexpr std::chrono::seconds kEndLimit{10};

HolderSetup setup_for(const Plan& plan) {
  HolderSetup setup;
  setup.mtu = plan.mtu;
  setup.rate_in = plan.rate_in;
  setup.guest_mac = plan.guest_mac;
  setup.bridge_mac = *base::MacAddress::parse(kBridgeMac);
  setup.guest_ipv4 = plan.guest_ipv4.address;
  setup.bridge_ipv4 = {*base::IpAddress::parse(kBridgeIpv4), kPrefixIpv4};
  if (plan.guest_ipv6) {
    setup.has_ipv6 = 1;
    setup.guest_ipv6 = plan.guest_ipv6->address;
    setup.bridge_ipv6 = {*base::IpAddress::parse(kBridgeIpv6), kPrefixIpv6};
  }
  return setup;
}

}  // namespace

Result<std::unique_ptr<Attachment>> Attachment::make(const Host& host, const Options& options,
                                                     const fcvm_net_request& request,
                                                     const Call& call) {
  const bool may_have_ipv6 = (request.flags & FCVM_NET_WANT_IPV6) != 0 || request.ipv6 != nullptr;
  const auto offer = FCVM_TRY(PastaOffer::ask(host, options.pasta, call));
  const auto network = FCVM_TRY(look_at_host(may_have_ipv6));
  Plan plan = FCVM_TRY(make_plan(request, network, offer.forwards_tcp_dns()));
  auto publisher = std::make_unique<net::Publisher>(host);
  FCVM_TRY(publisher->reserve(request));
  auto holder = FCVM_TRY(Holder::start(host, setup_for(plan), call));
  const auto command = pasta_command(options.pasta, offer, plan, holder.pid(), ::geteuid() == 0);
  std::unique_ptr<Attachment> made(
      new Attachment(host, std::move(plan), std::move(holder), std::move(publisher)));
  FCVM_TRY(made->close_tap());
  FCVM_TRY(made->start_pasta(command, call));
  FCVM_TRY(made->start_publisher(call));
  return made;
}

Attachment::~Attachment() { end(); }

void Attachment::end() {
  host_addresses_.reset();
  // All are told before any is waited for.
  (void)pasta_.kill();
  (void)holder_.kill();
  publisher_->stop();
  const auto limit = base::Deadline::in(kEndLimit);
  for (const int pidfd : {pasta_.pidfd(), holder_.pidfd()}) {
    if (pidfd >= 0) (void)base::wait_readable(pidfd, limit);
  }
}

/// Before pasta is there, and with it a way out.
Result<void> Attachment::close_tap() {
  host_addresses_ = FCVM_TRY(HostAddresses::listen(host_));
  auto filter = FCVM_TRY(base::NetlinkSocket::adopt(holder_.take_filter()));
  const auto host = FCVM_TRY(host_addresses_->read());
  FCVM_TRY(net::make_tap_filter(filter, plan_.filter, host));
  return host_addresses_->follow(std::move(filter));
}

Result<void> Attachment::start_pasta(const std::vector<std::string>& command, const Call& call) {
  watched_ = FCVM_TRY(net::HealthWatch::make());
  pasta_ = FCVM_TRY(Pasta::start(host_, command));
  FCVM_TRY(watched_.add(holder_.pidfd()));
  FCVM_TRY(watched_.add(pasta_.pidfd()));
  return await_pasta(call);
}

/// Until its interface is in the bridge, or a process has ended.
Result<void> Attachment::await_pasta(const Call& call) {
  FCVM_TRY(watched_.add(holder_.socket()));
  FCVM_TRY(call.wait(watched_.fd(), POLLIN) | context("waiting for pasta to start"));
  FCVM_TRY(watched_.remove(holder_.socket()));
  const bool reported = base::wait_readable(holder_.socket(), base::Deadline::at_ns(0)).has_value();
  const auto carried = reported ? holder_.read_carried() : Result<void>();
  // Whatever the holder says of a pasta that has gone, pasta's own words come nearer.
  if (!carried && pasta_.running()) return unexpected(carried.error());
  const auto healthy = health();
  return healthy ? Result<void>() : unexpected(healthy.error());
}

Result<void> Attachment::start_publisher(const Call& call) {
  net::ForwardTarget target;
  target.user_namespace_fd = holder_.user_namespace().get();
  target.net_namespace_fd = holder_.net_namespace().get();
  target.guest_ipv4 = plan_.guest_ipv4.address.to_string();
  if (plan_.guest_ipv6) target.guest_ipv6 = plan_.guest_ipv6->address.to_string();
  FCVM_TRY(publisher_->start(target, call));
  return watched_.add(FCVM_TRY(publisher_->health()));
}

Result<NetAttachment> Attachment::describe() const {
  NetAttachment made;
  auto& out = made.given;
  out.mtu = plan_.mtu;
  put_text(out.tap, kTap);
  put_text(out.mac, plan_.guest_mac.to_string());
  put_text(out.guest_ipv4, plan_.guest_ipv4.to_string());
  put_text(out.gateway_ipv4, kGatewayIpv4);
  if (plan_.guest_ipv6) {
    put_text(out.guest_ipv6, plan_.guest_ipv6->to_string());
    if (plan_.carries_ipv6) put_text(out.gateway_ipv6, kGatewayIpv6);
  }
  made.dns = plan_.dns;
  made.published = publisher_->reserved();
  put_text(out.host_address, publisher_->host_address());
  if (plan_.names_gateway) put_text(out.host_gateway, kGatewayIpv4);
  made.user_namespace = FCVM_TRY(holder_.user_namespace().duplicate());
  made.net_namespace = FCVM_TRY(holder_.net_namespace().duplicate());
  return made;
}

Result<Fd> Attachment::dial(std::uint32_t protocol, std::uint16_t port, const Call& call) const {
  return holder_.dial(protocol, port, call);
}

Result<Published> Attachment::publish(const fcvm_publish& wanted, const Call& call) {
  auto taken = FCVM_TRY(publisher_->publish(wanted, call));
  const int forwarder = FCVM_TRY(publisher_->health());
  FCVM_TRY(watched_.add(forwarder));
  return taken;
}

Result<void> Attachment::unpublish(const fcvm_publish& unwanted, const Call& call) {
  return publisher_->unpublish(unwanted, call);
}

Result<NetHealth> Attachment::health() const {
  if (!pasta_.running()) return fail(EPIPE, pasta_.last_words(), "start the VM again");
  const auto holder = holder_.status();
  if (holder.running == 0) {
    return fail(EPIPE, "fcvm-net-holder " + describe_end(holder), "start the VM again");
  }
  const auto publishing = publisher_->health();
  if (!publishing) return unexpected(publishing.error());
  return NetHealth{watched_.fd()};
}

}  // namespace fcvm::rootless
