// What net.rootless and its holder, fcvm-net-holder, say to each other over a socket pair of
// packets.
//
// Both are of one build, so these are plain structs. The holder asks nothing: it is told once what
// to make, reports twice, and then only dials. Each dial brings a socket of its own for the answer,
// so that any number may be under way, and a caller that gives up just closes it.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/base/net/address.hpp"

namespace fcvm::rootless {

/// The holder's end, as it finds it.
constexpr int kHolderSocket = 3;

constexpr const char* kTap = "tap0";
constexpr const char* kBridge = "br0";
/// pasta's, which waits in the bridge for it.
constexpr const char* kPastaLink = "pasta0";

/// The first packet: what to make.
struct HolderSetup {
  std::uint32_t mtu = 0;
  std::uint32_t has_ipv6 = 0;
  std::uint64_t rate_in = 0;  // bytes per second towards the guest; 0: no limit
  base::MacAddress guest_mac;
  base::MacAddress bridge_mac;
  base::IpAddress guest_ipv4;
  base::IpAddress guest_ipv6;
  base::IpPrefix bridge_ipv4;
  base::IpPrefix bridge_ipv6;
};

enum class HolderStep : std::uint32_t {
  kReady,    // the namespaces are there; with three descriptors: user and network
             // namespace, and an nf_tables socket of the latter
  kCarried,  // pasta has opened its tap
  kFailed,
};

/// From the holder.
struct HolderReport {
  HolderStep step = HolderStep::kFailed;
  std::int32_t code = 0;  // kFailed: an errno
  char message[512] = "";
  char remedy[256] = "";
};

/// Any later packet to the holder, with one descriptor: where the answer goes.
struct DialRequest {
  std::uint32_t protocol = 0;  // FCVM_PROTO_...
  std::uint32_t port = 0;
  std::int64_t deadline = 0;  // CLOCK_MONOTONIC, in nanoseconds
};

/// The answer: 0 with the connected socket, or an errno.
struct DialAnswer {
  std::int32_t code = 0;
};

template <typename Packet>
std::string_view packet_bytes(const Packet& packet) {
  return {reinterpret_cast<const char*>(&packet), sizeof packet};
}

/// Nothing when it is not of that size.
template <typename Packet>
std::optional<Packet> read_packet(std::string_view bytes) {
  if (bytes.size() != sizeof(Packet)) return std::nullopt;
  Packet packet;
  std::memcpy(&packet, bytes.data(), sizeof packet);
  return packet;
}

}  // namespace fcvm::rootless
