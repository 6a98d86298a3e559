// See host_addresses.hpp.
#include "plugins/net/rootless/host_addresses.hpp"

#include <cstdint>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>

#include "plugins/net/common/tap_filter.hpp"

namespace fcvm::rootless {

namespace {

constexpr int kRetryMs = 1000;

}  // namespace

Result<std::unique_ptr<HostAddresses>> HostAddresses::listen(const Host& host) {
  auto events = FCVM_TRY(base::NetlinkSocket::open(NETLINK_ROUTE));
  FCVM_TRY(events.subscribe(RTNLGRP_IPV4_IFADDR));
  FCVM_TRY(events.subscribe(RTNLGRP_IPV6_IFADDR));
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  return std::unique_ptr<HostAddresses>(
      new HostAddresses(host, std::move(kernel), std::move(events)));
}

HostAddresses::~HostAddresses() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

Result<std::vector<base::IpAddress>> HostAddresses::read() {
  std::vector<base::IpAddress> found;
  for (const auto& address : FCVM_TRY(kernel_.addresses(AF_UNSPEC))) {
    found.push_back(address.prefix.address);
  }
  return found;
}

Result<void> HostAddresses::follow(base::NetlinkSocket socket) {
  filter_.emplace(std::move(socket));
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) return fail_errno("following the host's addresses");
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& thrown) {
    return fail(thrown.code().value(), "following the host's addresses: no thread can be made");
  }
  return {};
}

Result<void> HostAddresses::renew() {
  return net::renew_host_addresses(*filter_, FCVM_TRY(read()));
}

void HostAddresses::run() {
  bool due = false;
  bool told = false;
  for (;;) {
    pollfd polled[] = {{stop_.get(), POLLIN, 0}, {events_.fd(), POLLIN, 0}};
    if (::poll(polled, 2, due ? kRetryMs : -1) < 0) continue;
    if (polled[0].revents != 0) return;
    // What it says does not matter, nor that some was lost: they are all read anew.
    if (polled[1].revents != 0) (void)events_.receive();
    const auto renewed = renew();
    due = !renewed;
    if (due && !told) {
      host_.warning("the host's addresses have changed, and a VM may reach the new ones: " +
                    renewed.error().message());
    }
    told = due;
  }
}

}  // namespace fcvm::rootless
