// Hello: the first frame of every stream, both ways; neither side waits for the other's.
//
// Owns the rule by which two versions of fcvm agree on a protocol. Its own layout never changes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/wire/message.hpp"

namespace fcvm::wire {

constexpr std::uint32_t kOldestVersion = 1;
constexpr std::uint32_t kNewestVersion = 1;

/// Either side refuses a larger hello, before it knows anything of its peer.
constexpr std::size_t kMaxHello = 4096;

struct Hello {
  static constexpr std::uint16_t kType = 1;

  std::uint32_t oldest = kOldestVersion;
  std::uint32_t newest = kNewestVersion;
  std::string software;                // "fcvm 0.1.0", for messages only
  std::string instance;                // the guest's: unique per boot and per restore
  std::vector<std::string> abilities;  // optional parts that this side has

  FCVM_FIELDS(visit(1, self.oldest); visit(2, self.newest); visit(3, self.software);
              visit(4, self.instance); visit(5, self.abilities);)
};

/// The newest version that both speak; EPROTONOSUPPORT says which side is too old.
Result<std::uint32_t> negotiate(const Hello& ours, const Hello& theirs);

/// Sent in place of anything else when a stream cannot go on; the sender closes after it.
struct Refusal {
  static constexpr std::uint16_t kType = 2;

  std::int32_t code = 0;  // errno
  std::string message;

  FCVM_FIELDS(visit(1, self.code); visit(2, self.message);)
};

}  // namespace fcvm::wire
