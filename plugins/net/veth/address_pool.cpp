// See address_pool.hpp.
#include "plugins/net/veth/address_pool.hpp"

#include <arpa/inet.h>
#include <cstring>

namespace fcvm::net {

namespace {

constexpr std::uint8_t kPairLength = 30;

std::uint32_t number_of(const base::IpAddress& address) {
  std::uint32_t network_order = 0;
  std::memcpy(&network_order, address.bytes.data(), sizeof network_order);
  return ntohl(network_order);
}

base::IpPrefix in_pair(std::uint32_t number) {
  const std::uint32_t network_order = htonl(number);
  const std::string_view bytes(reinterpret_cast<const char*>(&network_order), sizeof network_order);
  return {base::IpAddress::of_bytes(bytes), kPairLength};
}

}  // namespace

Result<AddressPool> AddressPool::parse(const std::string& text) {
  const auto prefix = base::IpPrefix::parse(text);
  const bool good = prefix && prefix->address.is_v4() && prefix->length >= 8 &&
                    prefix->length <= kPairLength && *prefix == prefix->network();
  if (good) return AddressPool(*prefix);
  return fail(EINVAL, "the address pool \"" + text + "\" is not an IPv4 network from /8 to /30",
              "set address-pool to something like 172.30.0.0/16");
}

PairNetwork AddressPool::at(std::uint64_t number) const {
  const std::uint32_t first = number_of(prefix_.address) + static_cast<std::uint32_t>(number << 2U);
  return {number, in_pair(first + 1), in_pair(first + 2)};
}

std::optional<PairNetwork> AddressPool::with_vm(const base::IpAddress& address) const {
  if (!prefix_.contains(address)) return std::nullopt;
  const PairNetwork pair = at((number_of(address) - number_of(prefix_.address)) >> 2U);
  if (pair.vm.address != address) return std::nullopt;
  return pair;
}

std::string AddressPool::lease_file(const std::string& directory) const {
  return directory + "/" + prefix_.address.to_string() + "-" + std::to_string(prefix_.length);
}

Result<LeasedPair> AddressPool::take(const std::string& directory, const std::string& vm_id,
                                     const HostNetwork& host, const Call& call) const {
  const std::uint64_t start = spread(vm_id);
  std::string last_user;
  // A link that is still there has been released, and the kernel is about to remove it: it would
  // have to be waited for, so that such a place is the last choice.
  for (const bool with_link : {false, true}) {
    for (std::uint64_t i = 0; i < size(); ++i) {
      FCVM_TRY(call.check());
      const PairNetwork pair = at((start + i) % size());
      if (host.has_link(link_name(pair.number)) != with_link) continue;
      // Also the link of a VM that was just killed, which the kernel has not got round to removing.
      std::string user = host.user_of(pair.vm);
      if (!user.empty()) {
        last_user = std::move(user);
        continue;
      }
      auto lease = FCVM_TRY(Lease::try_take(lease_file(directory), pair.number));
      if (lease) return LeasedPair{pair, *std::move(lease)};
    }
  }
  const std::string also = last_user.empty() ? "" : ", or used by the host, such as " + last_user;
  return fail(ENOSPC,
              "all " + std::to_string(size()) + " networks of the address pool " + to_string() +
                  " are taken by VMs" + also,
              "stop a VM, or set address-pool to another network that is free here");
}

Result<LeasedPair> AddressPool::take_wanted(const std::string& directory, const PairNetwork& pair,
                                            const HostNetwork& host) const {
  const std::string wanted = pair.vm.address.to_string();
  auto lease = FCVM_TRY(Lease::try_take(lease_file(directory), pair.number));
  const std::string user = lease ? host.user_of(pair.vm) : "another VM";
  if (user.empty()) return LeasedPair{pair, *std::move(lease)};
  return fail(EADDRINUSE, "the address " + wanted + " is taken by " + user,
              "choose another of " + to_string() + ", or none");
}

std::string link_name(std::uint64_t number) { return kLinkPrefix + std::to_string(number); }

std::uint64_t spread(const std::string& text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char letter : text) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 1099511628211U;
  }
  return hash;
}

}  // namespace fcvm::net
