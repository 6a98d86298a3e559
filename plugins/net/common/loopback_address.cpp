// See loopback_address.hpp.
#include "plugins/net/common/loopback_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace fcvm::net {

namespace {

/// VMs are spread over the whole pool: as many in a row are no coincidence.
constexpr std::uint32_t kMostAddresses = 1024;

std::string address_at(std::uint32_t index) {
  return "127.20." + std::to_string(index / LoopbackAddress::kHostsPerNet) + "." +
         std::to_string(1 + index % LoopbackAddress::kHostsPerNet);
}

/// FNV-1a: spreads the ids over the pool; nothing depends on which address an id gets.
std::uint32_t hash(const std::string& text) {
  std::uint32_t value = 2166136261U;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619U;
  return value;
}

/// Nothing when the address is another VM's.
Result<Fd> try_lock(const std::string& address) {
  const std::string name = "fcvm/address/" + address;
  sockaddr_un lock{};
  lock.sun_family = AF_UNIX;
  std::memcpy(lock.sun_path + 1, name.data(), name.size());
  const auto length = offsetof(sockaddr_un, sun_path) + 1 + name.size();
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("making a socket to lock " + address);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&lock), static_cast<socklen_t>(length)) ==
      0) {
    return fd;
  }
  if (errno == EADDRINUSE) return Fd();
  return fail_errno("locking the address " + address);
}

}  // namespace

Result<LoopbackAddress> LoopbackAddress::take(const std::string& vm_id, std::uint32_t pool) {
  const std::uint32_t first = hash(vm_id) % pool;
  for (std::uint32_t i = 0; i < std::min(pool, kMostAddresses); ++i) {
    const std::string address = address_at((first + i) % pool);
    Fd lock = FCVM_TRY(try_lock(address));
    if (lock) return LoopbackAddress(address, std::move(lock));
  }
  return LoopbackAddress(address_at(first), Fd());
}

}  // namespace fcvm::net
