// See connections.hpp.
#include "plugins/net/veth/connections.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <vector>

#include "plugins/net/veth/kernel_setting.hpp"

namespace fcvm::net {

namespace {

using base::NetlinkAttributes;
using base::NetlinkMessage;

constexpr std::uint16_t kGet = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
constexpr std::uint16_t kDelete = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;

nfgenmsg body_for(int family) {
  nfgenmsg body{};
  body.nfgen_family = static_cast<std::uint8_t>(family);
  body.version = NFNETLINK_V0;
  return body;
}

NetlinkAttributes inside(const NetlinkAttributes& outer, std::uint16_t type) {
  return NetlinkAttributes(outer.find(type).value_or(std::string_view()));
}

base::IpAddress address_in(const NetlinkAttributes& tuple, std::uint16_t v4, std::uint16_t v6) {
  const NetlinkAttributes addresses = inside(tuple, CTA_TUPLE_IP);
  const auto found = addresses.find(v4);
  const auto bytes = found ? found : addresses.find(v6);
  return bytes ? base::IpAddress::of_bytes(*bytes) : base::IpAddress();
}

Connection read_connection(const NetlinkAttributes& all) {
  const NetlinkAttributes began = inside(all, CTA_TUPLE_ORIG);
  const NetlinkAttributes answer = inside(all, CTA_TUPLE_REPLY);
  const NetlinkAttributes protocol = inside(began, CTA_TUPLE_PROTO);
  Connection found;
  found.from = address_in(began, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  found.to = address_in(began, CTA_IP_V4_DST, CTA_IP_V6_DST);
  found.answered_by = address_in(answer, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  if (const auto number = protocol.find(CTA_PROTO_NUM); number && !number->empty()) {
    found.protocol = static_cast<std::uint8_t>(number->front());
  }
  if (const auto port = protocol.find(CTA_PROTO_DST_PORT)) {
    found.to_port = ntohs(base::netlink_body<std::uint16_t>(*port));
  }
  return found;
}

/// By what it began with, and its number: another may have begun like that meanwhile.
NetlinkMessage deletion(int family, const NetlinkAttributes& all) {
  NetlinkMessage message(kDelete, 0, body_for(family));
  for (const std::uint16_t type : {CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID}) {
    const std::uint16_t nested = type == CTA_TUPLE_ORIG ? NLA_F_NESTED : 0;
    if (const auto value = all.find(type)) {
      message.attribute(static_cast<std::uint16_t>(type | nested), *value);
    }
  }
  return message;
}

/// Neither a memory that is not there nor a connection that has gone meanwhile is an error.
Result<void> unless_forgotten(Result<void> done) {
  const int code = done ? 0 : done.error().code();
  const bool gone = code == ENOENT || code == EOPNOTSUPP || code == EINVAL;
  return gone ? Result<void>() : std::move(done);
}

bool is_empty() {
  const auto count = read_setting("netfilter/nf_conntrack_count");
  return count && *count == "0";
}

}  // namespace

Result<Connections> Connections::open() {
  return Connections(FCVM_TRY(base::NetlinkSocket::open(NETLINK_NETFILTER)));
}

Result<void> Connections::forget(int family, const std::function<bool(const Connection&)>& chosen) {
  if (is_empty()) return {};
  const std::string doing = "looking at the connections that the kernel remembers";
  const auto found = socket_.dump({NetlinkMessage(kGet, 0, body_for(family)), doing});
  if (!found) return unless_forgotten(unexpected(found.error()));
  Result<void> first;
  for (const auto& reply : *found) {
    const auto all = base::netlink_attributes<nfgenmsg>(reply.body);
    if (!chosen(read_connection(all))) continue;
    auto done = unless_forgotten(
        socket_.commit({deletion(family, all), "forgetting a connection of the VM"}));
    if (first && !done) first = std::move(done);
  }
  return first;
}

Result<void> Connections::forget_all_of(const base::IpAddress& address) {
  return forget(address.family, [&](const Connection& one) {
    return one.from == address || one.to == address || one.answered_by == address;
  });
}

}  // namespace fcvm::net
