// Whether net.bridged and net.routed can work here: probe_veth() of veth_network.hpp.
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "plugins/net/veth/nft.hpp"
#include "plugins/net/veth/veth_network.hpp"

namespace fcvm::net {

namespace {

/// CAP_NET_ADMIN and CAP_SYS_ADMIN, as /proc says it: root in a container often lacks them.
Result<bool> has_capabilities() {
  constexpr std::uint64_t kNetAdmin = 1U << 12U;
  constexpr std::uint64_t kSysAdmin = 1U << 21U;
  const std::string status = FCVM_TRY(base::read_file("/proc/thread-self/status"));
  const std::string key = "\nCapEff:\t";
  const auto at = status.find(key);
  if (at == std::string::npos) return false;
  const auto held = std::strtoull(status.c_str() + at + key.size(), nullptr, 16);
  return (held & kNetAdmin) != 0 && (held & kSysAdmin) != 0;
}

}  // namespace

Result<Probe> probe_veth(const VethOptions& options) {
  const auto pool = AddressPool::parse(options.address_pool);
  if (!pool) return Probe::unusable(pool.error().message(), pool.error().remedy());
  if (::geteuid() != 0) {
    return Probe::unusable("only root can make this network",
                           "run fcvm as root, or use --network rootless");
  }
  if (!FCVM_TRY(has_capabilities())) {
    return Probe::unusable("the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN are missing",
                           "give them to the container in which fcvm runs, or use --network "
                           "rootless");
  }
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
    return Probe::unusable("/dev/net/tun cannot be opened", "`modprobe tun`");
  }
  auto nft = Nft::open();
  const auto tables = nft ? nft->has_table("fcvm") : unexpected(std::move(nft).error());
  if (!tables) return Probe::unusable(tables.error().message(), "`modprobe nf_tables`");
  return Probe::usable("guests at " + pool->to_string());
}

}  // namespace fcvm::net
