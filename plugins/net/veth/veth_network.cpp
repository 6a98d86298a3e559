// See veth_network.hpp.
#include "plugins/net/veth/veth_network.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <system_error>

#include "core/base/deadline.hpp"
#include "plugins/net/veth/inside.hpp"
#include "plugins/net/veth/nft.hpp"
#include "plugins/net/veth/wiring.hpp"

namespace fcvm::net {

namespace {

/// Remembers the first of several errors.
class FirstError {
 public:
  void keep(Result<void> done) {
    if (first_ && !done) first_ = std::move(done);
  }
  Result<void> take() { return std::move(first_); }

 private:
  Result<void> first_;
};

/// Waits until no other VM's links are being made, if that does not last. The kernel makes one at a
/// time, and lets who writes its settings meanwhile try over and over: of a hundred who begin at
/// once, most would only be in the way of the one that gets on. A courtesy: nothing depends on it.
Result<std::optional<Lease>> take_turn(const std::string& directory, const Call& call) {
  constexpr std::chrono::milliseconds kPause(2);
  constexpr std::chrono::seconds kPatience(5);
  const auto limit = base::Deadline::in(kPatience);
  for (;;) {
    auto turn = FCVM_TRY(Lease::try_take(directory + "/turn", 0));
    if (turn || limit.expired()) return turn;
    FCVM_TRY(call.sleep(kPause));
  }
}

Wires wires_of(const Plan& plan) {
  return {plan.firewall.table,
          plan.firewall.link,
          plan.pair,
          plan.firewall.ipv4.inside,
          plan.firewall.ipv6,
          plan.mtu,
          !plan.firewall.loopback.empty(),
          plan.routes_to_loopback,
          plan.rate_in};
}

Result<Fd> duplicate(int fd) {
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("handing over the network namespace");
  return copy;
}

Result<Fd> make_socket(std::uint32_t protocol) {
  const int type = protocol == FCVM_PROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
  Fd made(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made) return fail_errno("making a socket in the VM's network");
  return made;
}

Result<void> finish_connecting(const Fd& socket, const std::string& doing, const Call& call) {
  FCVM_TRY(call.wait(socket.get(), POLLOUT) | context(doing));
  int code = 0;
  socklen_t length = sizeof code;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &length);
  if (code != 0) return fail(code, doing + ": " + std::strerror(code));
  return {};
}

}  // namespace

VethNetwork::~VethNetwork() {
  // The host calls detach() before; here only what nobody else would undo matters.
  if (const auto done = detach(); !done) host_.warning(done.error().message());
}

Result<NetAttachment> VethNetwork::attach(const Request& request, const Mode& mode,
                                          const Call& call) {
  if (plan_) return fail(EBUSY, "attaching a network: this instance has one already");
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  if (!nft_) nft_ = FCVM_TRY(Nft::open());
  if (!connections_) connections_ = FCVM_TRY(Connections::open());
  Plan plan = FCVM_TRY(make_plan(request, options_, mode, kernel, *nft_, call));
  FCVM_TRY(plan.remains.remember(host_));
  {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
  }
  auto made = make(call);
  for (const auto& one : plan_->published) {
    if (made) begin_sessions_anew(one);
  }
  auto described = made ? describe() : unexpected(std::move(made).error());
  if (described) return described;
  if (const auto undone = detach(); !undone) host_.warning(undone.error().message());
  return described;
}

Result<void> VethNetwork::make(const Call& call) {
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  FCVM_TRY(plan_->lease.write_note(plan_->firewall.table));
  auto turn = FCVM_TRY(take_turn(plan_->directory, call));
  auto inside = FCVM_TRY(base::Namespace::new_net() | remedy("run fcvm as root"));
  FCVM_TRY(wire(wires_of(*plan_), kernel, inside));
  turn.reset();
  FCVM_TRY(call.check());
  const auto guard = [&]() -> Result<void> {
    auto filter = FCVM_TRY(base::NetlinkSocket::open(NETLINK_NETFILTER));
    FCVM_TRY(make_tap_filter(filter, plan_->filter, {}));
    auto nft = FCVM_TRY(Nft::open());
    return nft.run(inside_table(plan_->firewall), "making the firewall of the VM's namespace");
  };
  FCVM_TRY(base::in_namespace(inside, guard));
  auto watch = FCVM_TRY(FirewallWatch::open());
  FCVM_TRY(make_table());
  if (!plan_->stale_table.empty()) FCVM_TRY(forget_connections());
  FCVM_TRY(hold_settings(call));
  if (plan_->remains.proxied) FCVM_TRY(proxy_address(*plan_->remains.proxied, kernel));
  const std::lock_guard lock(mutex_);
  inside_ = std::move(inside);
  watch_ = std::move(watch);
  table_there_ = true;
  return {};
}

/// Deleting costs the kernel a grace period, for which it has us wait: so only what is there.
Result<void> VethNetwork::make_table() {
  const HostPorts* ports = plan_->ports ? &*plan_->ports : nullptr;
  const std::string& stale = plan_->stale_table;
  const std::string table = host_table(plan_->firewall, ports) + pass_foreign_chains();
  const std::string doing = "making the firewall table " + plan_->firewall.table;
  auto made = nft_->run((stale.empty() ? "" : delete_command(stale)) + table, doing);
  if (made || made.error().code() != EEXIST) return made;
  // Of a VM of this id that could not be detached.
  return nft_->run(delete_command(plan_->firewall.table) + table, doing);
}

std::string VethNetwork::pass_foreign_chains() const {
  std::string commands;
  for (const auto& chain : plan_->foreign_chains) {
    if (chain.takes_rules) {
      commands += pass_command(chain, plan_->firewall.link, plan_->firewall.table);
    } else {
      host_.warning("the firewall chain " + chain.to_string() +
                    " drops what it does not accept, so perhaps all packets of this VM; to fix: " +
                    "let it accept from and to the interfaces " + kLinkPrefix + "*");
    }
  }
  return commands;
}

Result<void> VethNetwork::hold_settings(const Call& call) {
  for (const auto& [name, value] : plan_->settings) {
    settings_.push_back(FCVM_TRY(SharedSetting::hold(plan_->directory, name, value, call)));
  }
  return {};
}

Result<NetAttachment> VethNetwork::describe() const {
  NetAttachment attachment;
  auto& made = attachment.given;
  made.mtu = plan_->mtu;
  put_text(made.tap, kTap);
  put_text(made.mac, plan_->mac.to_string());
  put_text(made.guest_ipv4, plan_->guest4.to_string());
  put_text(made.gateway_ipv4, kInsideGateway);
  if (plan_->ipv6) {
    put_text(made.guest_ipv6, plan_->ipv6->guest.to_string());
    put_text(made.gateway_ipv6, inside_gateway6(plan_->ipv6->guest));
  }
  for (const auto& server : plan_->guest_resolvers) attachment.dns.push_back(server.to_string());
  put_text(made.host_address, plan_->pair.vm.address.to_string());
  if (plan_->names_gateway) put_text(made.host_gateway, kInsideGateway);
  attachment.published = plan_->published;
  attachment.net_namespace = FCVM_TRY(duplicate(inside_->fd()));
  return attachment;
}

Result<void> VethNetwork::detach() {
  if (!plan_) return {};
  FirstError error;
  {
    const std::lock_guard lock(mutex_);
    watch_.reset();  // before the table goes: closed after that, it would wait for the kernel
  }
  auto kernel = base::Rtnetlink::open();
  if (kernel) {
    if (plan_->remains.proxied) error.keep(stop_proxying(*plan_->remains.proxied, *kernel));
    error.keep(unwire(wires_of(*plan_), *kernel));
    begin_removal(plan_->firewall.link);
  } else {
    error.keep(unexpected(std::move(kernel).error()));
  }
  if (plan_->remains.foreign_rules) error.keep(delete_passes(*nft_, plan_->firewall.table));
  error.keep(nft_->delete_table(plan_->firewall.table));
  error.keep(forget_connections());
  while (!settings_.empty()) {
    error.keep(settings_.back().let_go());
    settings_.pop_back();
  }
  auto undone = error.take();
  // Else gc tries again.
  if (undone) undone = Remains::forget(host_);
  if (undone) undone = plan_->lease.write_note("");
  const std::lock_guard lock(mutex_);
  inside_.reset();
  plan_.reset();
  return undone;
}

/// Beside what else there is to do: whoever gets the address meanwhile needs not wait for it.
void VethNetwork::begin_removal(const std::string& link) {
  const auto remove = [host = host_, link] {
    const auto removed = [&]() -> Result<void> {
      auto kernel = FCVM_TRY(base::Rtnetlink::open());
      return delete_released(link, kernel);
    }();
    if (!removed) host.warning(removed.error().message());
  };
  try {
    removal_ = std::async(std::launch::async, remove);
  } catch (const std::system_error&) {
    remove();
  }
}

Result<Fd> VethNetwork::dial(std::uint32_t protocol, std::uint16_t port, const Call& call) const {
  std::optional<base::IpAddress> guest;
  Fd inside;
  {
    const std::lock_guard lock(mutex_);
    if (!inside_) return fail(ENOTCONN, "dialling the guest: it has no network");
    guest = plan_->guest4.address;
    inside = FCVM_TRY(duplicate(inside_->fd()));
  }
  const std::string doing = "dialling " + guest->to_string() + " port " + std::to_string(port);
  if (protocol != FCVM_PROTO_TCP && protocol != FCVM_PROTO_UDP) {
    return fail(EINVAL, doing + ": protocol " + std::to_string(protocol) + " is unknown");
  }
  if (port == 0) return fail(EINVAL, doing + ": ports are numbered from 1 to 65535");
  // A socket belongs to the namespace in which it is made, wherever it is used.
  Fd socket;
  const base::NamespaceFd entered{base::NamespaceKind::kNet, inside.get()};
  const auto make = [&]() -> Result<void> {
    socket = FCVM_TRY(make_socket(protocol));
    return {};
  };
  FCVM_TRY(base::in_namespaces({&entered, 1}, make));
  sockaddr_storage to{};
  const socklen_t length = guest->to_sockaddr(port, to);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), length) != 0) {
    if (errno != EINPROGRESS) return fail_errno(doing);
    FCVM_TRY(finish_connecting(socket, doing, call));
  }
  FCVM_TRY(base::set_nonblocking(socket.get(), false));
  return socket;
}

/// Once the rules have gone, or changed: what comes meanwhile would be remembered by the old ones.
Result<void> VethNetwork::forget_connections() {
  FCVM_TRY(connections_->forget_all_of(plan_->pair.vm.address));
  return plan_->ipv6 ? connections_->forget_all_of(plan_->ipv6->outside) : Result<void>();
}

Result<void> VethNetwork::check_table() {
  const bool deleted = FCVM_TRY(watch_->table_deleted());
  if (deleted || !table_there_) table_there_ = FCVM_TRY(nft_->has_table(plan_->firewall.table));
  if (table_there_) return {};
  return fail(ENOENT,
              "the firewall table " + plan_->firewall.table +
                  " was deleted, perhaps by a firewall that was loaded anew (`flush ruleset`)",
              "start the VM again");
}

Result<int> VethNetwork::health() {
  const std::lock_guard lock(mutex_);
  if (!plan_ || !watch_) return fail(ENOTCONN, "there is no network");
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  const auto link = FCVM_TRY(kernel.find_link(plan_->firewall.link));
  if (!link || !link->up()) {
    return fail(ENODEV,
                "the interface " + plan_->firewall.link +
                    (link ? " of the VM is down" : " of the VM was deleted"),
                link ? "`ip link set " + link->name + " up`" : "start the VM again");
  }
  FCVM_TRY(check_table());
  return watch_->fd();
}

Result<void> VethNetwork::recover() {
  const auto remains = FCVM_TRY(Remains::recall(host_));
  if (!remains) return {};
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  auto nft = FCVM_TRY(Nft::open());
  FCVM_TRY(remains->undo_of_dead(kernel, nft));
  return Remains::forget(host_);
}

int VethNetwork::namespace_fd() const {
  const std::lock_guard lock(mutex_);
  return inside_ ? inside_->fd() : -1;
}

}  // namespace fcvm::net
