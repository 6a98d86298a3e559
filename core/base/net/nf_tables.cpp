// See nf_tables.hpp.
#include "core/base/net/nf_tables.hpp"

#include <algorithm>
#include <endian.h>
#include <iterator>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace fcvm::base {

namespace {

/// nft(8)'s names for what a set holds, so that it can list it.
constexpr std::uint32_t kTypeIpv4 = 7;
constexpr std::uint32_t kTypeIpv6 = 8;
/// An attribute's length has 16 bits.
constexpr std::size_t kMostElements = 1000;

template <typename Number>
std::string big_endian(Number value) {
  std::string bytes(sizeof value, '\0');
  for (auto at = bytes.rbegin(); at != bytes.rend(); ++at) {
    *at = static_cast<char>(value & 0xff);
    if constexpr (sizeof value > 1) value = static_cast<Number>(value >> 8U);
  }
  return bytes;
}

void put(NetlinkMessage& message, std::uint16_t type, std::uint32_t value) {
  message.attribute(type, big_endian(value));
}

void put_data(NetlinkMessage& message, std::uint16_t type, const std::string& bytes) {
  message.nested(type, [&] { message.attribute(NFTA_DATA_VALUE, bytes); });
}

nfgenmsg body(std::uint8_t family, std::uint16_t resource) {
  nfgenmsg made{};
  made.nfgen_family = family;
  made.version = NFNETLINK_V0;
  made.res_id = htobe16(resource);
  return made;
}

NetlinkMessage bracket(std::uint16_t type) {
  return NetlinkMessage(type, 0, body(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

std::string mask_of(const IpPrefix& prefix) {
  std::string mask(prefix.address.size(), '\0');
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    mask[bit / 8] = static_cast<char>(mask[bit / 8] | (0x80 >> (bit % 8)));
  }
  return mask;
}

std::uint32_t offset_of_destination(int family) { return family == AF_INET ? 16 : 24; }
std::uint32_t size_of_address(int family) { return family == AF_INET ? 4 : 16; }

}  // namespace

NfRule& NfRule::add(std::string name, std::function<void(NetlinkMessage&)> fill) {
  expressions_.push_back({std::move(name), std::move(fill)});
  return *this;
}

NfRule& NfRule::load(std::uint32_t base, std::uint32_t offset, std::uint32_t size) {
  return add("payload", [=](NetlinkMessage& message) {
    put(message, NFTA_PAYLOAD_DREG, NFT_REG_1);
    put(message, NFTA_PAYLOAD_BASE, base);
    put(message, NFTA_PAYLOAD_OFFSET, offset);
    put(message, NFTA_PAYLOAD_LEN, size);
  });
}

NfRule& NfRule::compare(std::uint32_t how, const std::string& bytes) {
  return add("cmp", [=](NetlinkMessage& message) {
    put(message, NFTA_CMP_SREG, NFT_REG_1);
    put(message, NFTA_CMP_OP, how);
    put_data(message, NFTA_CMP_DATA, bytes);
  });
}

NfRule& NfRule::ethernet(std::uint16_t protocol) {
  add("meta", [](NetlinkMessage& message) {
    put(message, NFTA_META_DREG, NFT_REG_1);
    put(message, NFTA_META_KEY, NFT_META_PROTOCOL);
  });
  return compare(NFT_CMP_EQ, big_endian(protocol));
}

NfRule& NfRule::to(const IpPrefix& destination) {
  const int family = destination.address.family;
  const std::uint32_t size = size_of_address(family);
  load(NFT_PAYLOAD_NETWORK_HEADER, offset_of_destination(family), size);
  if (destination.length < size * 8) {
    add("bitwise", [=, mask = mask_of(destination)](NetlinkMessage& message) {
      put(message, NFTA_BITWISE_SREG, NFT_REG_1);
      put(message, NFTA_BITWISE_DREG, NFT_REG_1);
      put(message, NFTA_BITWISE_LEN, size);
      put_data(message, NFTA_BITWISE_MASK, mask);
      put_data(message, NFTA_BITWISE_XOR, std::string(size, '\0'));
    });
  }
  return compare(NFT_CMP_EQ, std::string(destination.network().address.raw()));
}

NfRule& NfRule::to_any_of(const std::string& set, int family) {
  load(NFT_PAYLOAD_NETWORK_HEADER, offset_of_destination(family), size_of_address(family));
  return add("lookup", [=](NetlinkMessage& message) {
    message.text(NFTA_LOOKUP_SET, set);
    put(message, NFTA_LOOKUP_SREG, NFT_REG_1);
  });
}

NfRule& NfRule::transport(std::uint8_t protocol) {
  add("meta", [](NetlinkMessage& message) {
    put(message, NFTA_META_DREG, NFT_REG_1);
    put(message, NFTA_META_KEY, NFT_META_L4PROTO);
  });
  return compare(NFT_CMP_EQ, big_endian(protocol));
}

NfRule& NfRule::ports(std::uint16_t first, std::uint16_t last) {
  load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  if (first == last) return compare(NFT_CMP_EQ, big_endian(first));
  compare(NFT_CMP_GTE, big_endian(first));
  return compare(NFT_CMP_LTE, big_endian(last));
}

NfRule& NfRule::icmpv6_types(std::uint8_t first, std::uint8_t last) {
  transport(IPPROTO_ICMPV6);
  load(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
  compare(NFT_CMP_GTE, big_endian(first));
  return compare(NFT_CMP_LTE, big_endian(last));
}

NfRule& NfRule::faster_than(std::uint64_t bytes_per_second, std::uint32_t burst) {
  return add("limit", [=](NetlinkMessage& message) {
    message.attribute(NFTA_LIMIT_RATE, big_endian(bytes_per_second));
    message.attribute(NFTA_LIMIT_UNIT, big_endian(std::uint64_t{1}));
    put(message, NFTA_LIMIT_BURST, burst);
    put(message, NFTA_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
    put(message, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
  });
}

NfRule& NfRule::verdict(std::int32_t code, const std::string& chain) {
  return add("immediate", [=](NetlinkMessage& message) {
    put(message, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    message.nested(NFTA_IMMEDIATE_DATA, [&] {
      message.nested(NFTA_DATA_VERDICT, [&] {
        put(message, NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
        if (!chain.empty()) message.text(NFTA_VERDICT_CHAIN, chain);
      });
    });
  });
}

NfRule& NfRule::accept() { return verdict(NF_ACCEPT); }
NfRule& NfRule::drop() { return verdict(NF_DROP); }
NfRule& NfRule::go_to(const std::string& chain) { return verdict(NFT_GOTO, chain); }

NfRule& NfRule::reject() {
  return add("reject", [](NetlinkMessage& message) {
    put(message, NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
    message.byte(NFTA_REJECT_ICMP_CODE, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
  });
}

NetlinkMessage& NfTables::begin(std::uint16_t type, std::uint16_t flags) {
  constexpr std::uint16_t kOurs = NFNL_SUBSYS_NFTABLES << 8;
  return messages_.emplace_back(static_cast<std::uint16_t>(kOurs | type), flags,
                                body(NFPROTO_NETDEV, 0));
}

void NfTables::add_table() { begin(NFT_MSG_NEWTABLE, NLM_F_CREATE).text(NFTA_TABLE_NAME, table_); }

void NfTables::add_chain(const std::string& name) {
  NetlinkMessage& message = begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  message.text(NFTA_CHAIN_TABLE, table_);
  message.text(NFTA_CHAIN_NAME, name);
}

void NfTables::add_ingress_chain(const std::string& name, const std::string& link) {
  add_chain(name);
  NetlinkMessage& message = messages_.back();
  message.nested(NFTA_CHAIN_HOOK, [&] {
    put(message, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
    put(message, NFTA_HOOK_PRIORITY, 0);
    message.text(NFTA_HOOK_DEV, link);
  });
  message.text(NFTA_CHAIN_TYPE, "filter");
  put(message, NFTA_CHAIN_POLICY, NF_DROP);
}

void NfTables::add_set(const std::string& name, int family) {
  NetlinkMessage& message = begin(NFT_MSG_NEWSET, NLM_F_CREATE);
  message.text(NFTA_SET_TABLE, table_);
  message.text(NFTA_SET_NAME, name);
  put(message, NFTA_SET_FLAGS, 0);
  put(message, NFTA_SET_KEY_TYPE, family == AF_INET ? kTypeIpv4 : kTypeIpv6);
  put(message, NFTA_SET_KEY_LEN, size_of_address(family));
  put(message, NFTA_SET_ID, ++sets_);
}

void NfTables::fill_set(const std::string& name, int family,
                        const std::vector<IpAddress>& addresses) {
  std::vector<std::string> keys;
  for (const auto& address : addresses) {
    if (address.family == family) keys.emplace_back(address.raw());
  }
  for (std::size_t done = 0; done < keys.size(); done += kMostElements) {
    NetlinkMessage& message = begin(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    message.text(NFTA_SET_ELEM_LIST_TABLE, table_);
    message.text(NFTA_SET_ELEM_LIST_SET, name);
    message.nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      for (std::size_t i = done; i < std::min(done + kMostElements, keys.size()); ++i) {
        message.nested(NFTA_LIST_ELEM, [&] { put_data(message, NFTA_SET_ELEM_KEY, keys[i]); });
      }
    });
  }
}

void NfTables::empty_set(const std::string& name) {
  NetlinkMessage& message = begin(NFT_MSG_DELSETELEM, 0);
  message.text(NFTA_SET_ELEM_LIST_TABLE, table_);
  message.text(NFTA_SET_ELEM_LIST_SET, name);
}

void NfTables::add_rule(const std::string& chain, const NfRule& rule) {
  NetlinkMessage& message = begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  message.text(NFTA_RULE_TABLE, table_);
  message.text(NFTA_RULE_CHAIN, chain);
  message.nested(NFTA_RULE_EXPRESSIONS, [&] {
    for (const auto& expression : rule.expressions_) {
      message.nested(NFTA_LIST_ELEM, [&] {
        message.text(NFTA_EXPR_NAME, expression.name);
        message.nested(NFTA_EXPR_DATA, [&] { expression.fill(message); });
      });
    }
  });
}

Result<void> NfTables::commit(NetlinkSocket& socket, const std::string& doing) {
  std::vector<NetlinkMessage> batch = {bracket(NFNL_MSG_BATCH_BEGIN)};
  batch.insert(batch.end(), std::make_move_iterator(messages_.begin()),
               std::make_move_iterator(messages_.end()));
  batch.push_back(bracket(NFNL_MSG_BATCH_END));
  messages_.clear();
  return socket.transact(batch, doing);
}

}  // namespace fcvm::base
