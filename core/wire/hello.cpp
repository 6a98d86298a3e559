// Agreeing on a version; see hello.hpp.
#include "core/wire/hello.hpp"

#include <algorithm>

namespace fcvm::wire {
namespace {

std::string range(const Hello& hello) {
  return std::to_string(hello.oldest) + " to " + std::to_string(hello.newest);
}

}  // namespace

Result<std::uint32_t> negotiate(const Hello& ours, const Hello& theirs) {
  const std::uint32_t version = std::min(ours.newest, theirs.newest);
  if (theirs.oldest <= theirs.newest && version >= std::max(ours.oldest, theirs.oldest)) {
    return version;
  }
  const bool they_are_older = theirs.newest < ours.oldest;
  return fail(EPROTONOSUPPORT,
              "agreeing on a protocol: " + ours.software + " speaks versions " + range(ours) +
                  ", its peer " + theirs.software + " " + range(theirs),
              they_are_older ? "update the peer" : "update this side");
}

}  // namespace fcvm::wire
