// fcvm-net-holder: holds a VM's user and network namespace, builds the network in it, and dials the
// guest for its supervisor. It owns nothing that outlives it but the namespaces, which
// live as long as somebody is in them.
//
// It is asked by one socket alone, which net.rootless made and nobody else has, and ends with it.
// Should: be root of its namespaces until pasta has joined them. Mustn't: have any privilege after.
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/socket_pair.hpp"
#include "core/base/net/netlink.hpp"
#include "core/base/process/namespaces.hpp"
#include "plugins/net/common/confinement.hpp"
#include "plugins/net/rootless/holder/bridge.hpp"
#include "plugins/net/rootless/holder/dialer.hpp"
#include "plugins/net/rootless/holder/user_namespace.hpp"

namespace fcvm::rootless {
namespace {

Result<void> report(HolderStep step, std::span<const int> fds) {
  HolderReport packet;
  packet.step = step;
  return base::send_fds(kHolderSocket, packet_bytes(packet), fds);
}

void report_failure(const Error& error) {
  HolderReport packet;
  packet.code = error.code();
  put_text(packet.message, error.message());
  put_text(packet.remedy, error.remedy());
  // When the supervisor has gone there is nobody to tell.
  (void)base::send_fds(kHolderSocket, packet_bytes(packet), {});
}

Result<HolderSetup> read_setup() {
  const auto received = FCVM_TRY(base::receive_fds(kHolderSocket, sizeof(HolderSetup), 0));
  const auto setup = read_packet<HolderSetup>(received.bytes);
  if (!setup) return fail(EPROTO, "reading what to make: it is not a request");
  return *setup;
}

Result<void> report_namespaces() {
  const auto user = FCVM_TRY(base::Namespace::of_this_thread(base::NamespaceKind::kUser));
  const auto net = FCVM_TRY(base::Namespace::of_this_thread(base::NamespaceKind::kNet));
  const auto filter = FCVM_TRY(base::NetlinkSocket::open(NETLINK_NETFILTER));
  const int fds[] = {user.fd(), net.fd(), filter.fd()};
  return report(HolderStep::kReady, fds);
}

/// False when the supervisor has closed its end.
Result<bool> take_request(Dialer& dialer) {
  auto received = base::receive_fds(kHolderSocket, sizeof(DialRequest), 1);
  if (!received) {
    if (received.error().code() == ECONNRESET) return false;
    return unexpected(std::move(received).error());
  }
  if (received->bytes.empty()) return false;
  const auto request = read_packet<DialRequest>(received->bytes);
  if (!request || received->fds.size() != 1) return fail(EPROTO, "reading a request: it is none");
  dialer.begin(*request, std::move(received->fds.front()));
  return true;
}

Result<void> serve(Bridge& bridge, Dialer& dialer) {
  bool carried = false;
  for (;;) {
    std::vector<pollfd> polled = {{kHolderSocket, POLLIN, 0},
                                  {carried ? -1 : bridge.fd(), POLLIN, 0}};
    dialer.add_to(polled);
    const int ready = ::poll(polled.data(), polled.size(), dialer.next_deadline().as_poll_ms());
    if (ready < 0 && errno != EINTR) return fail_errno("waiting for requests");
    if (ready < 0) continue;
    dialer.after_poll(polled.data() + 2);
    if (polled[1].revents != 0 && FCVM_TRY(bridge.on_event())) {
      carried = true;
      FCVM_TRY(net::give_up_privileges());
      FCVM_TRY(report(HolderStep::kCarried, {}));
    }
    if (polled[0].revents != 0 && !FCVM_TRY(take_request(dialer))) return {};
  }
}

Result<void> run() {
  const HolderSetup setup = FCVM_TRY(read_setup());
  FCVM_TRY(enter_own_namespaces());
  Bridge bridge = FCVM_TRY(Bridge::create(setup) | context("building the VM's network"));
  FCVM_TRY(report_namespaces());
  Dialer dialer(setup.guest_ipv4);
  return serve(bridge, dialer);
}

/// Each dial takes two descriptors.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace fcvm::rootless

int main() {
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (::fcntl(fcvm::rootless::kHolderSocket, F_SETFD, FD_CLOEXEC) != 0) {
    (void)std::fputs("fcvm-net-holder is started by fcvm itself\n", stderr);
    return 125;
  }
  fcvm::rootless::allow_many_descriptors();
  const auto done = fcvm::rootless::run();
  if (done) return 0;
  fcvm::rootless::report_failure(done.error());
  return 1;
}
