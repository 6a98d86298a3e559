// See firewall_watch.hpp.
#include "plugins/net/veth/firewall_watch.hpp"

#include <algorithm>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>

namespace fcvm::net {

namespace {

constexpr std::uint16_t kTableDeleted = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE;

bool readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

}  // namespace

Result<FirewallWatch> FirewallWatch::open() {
  auto socket = FCVM_TRY(base::NetlinkSocket::open(NETLINK_NETFILTER));
  FCVM_TRY(socket.subscribe(NFNLGRP_NFTABLES));
  return FirewallWatch(std::move(socket));
}

Result<bool> FirewallWatch::table_deleted() {
  bool deleted = false;
  while (readable(socket_.fd())) {
    const auto replies = socket_.receive();
    if (!replies && replies.error().code() == ENOBUFS) {
      deleted = true;
      continue;
    }
    if (!replies) return unexpected(replies.error());
    deleted = deleted || std::any_of(replies->begin(), replies->end(),
                                     [](const auto& reply) { return reply.type == kTableDeleted; });
  }
  return deleted;
}

}  // namespace fcvm::net
