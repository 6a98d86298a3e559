// Streams of mapped directories: the host dials, and the guest's kernel asks.
//
//   host  -> Hello, MapRequest
//   guest -> Hello
//
// and from there fusepipe's own bytes in both directions, the guest's first. Owns the message.
#pragma once

#include <cstdint>
#include <string>

#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"

namespace fcvm::wire {

constexpr std::size_t kMaxMapHeader = kMaxHello;

struct MapRequest {
  static constexpr std::uint16_t kType = 90;

  std::uint32_t number = 0;  // of BootPlan::maps

  FCVM_FIELDS(visit(1, self.number);)
};

/// Where a map is mounted in the guest, from where it is bound into the container.
inline std::string map_mountpoint(std::size_t number) {
  return "/run/fcvm/map/" + std::to_string(number);
}

}  // namespace fcvm::wire
