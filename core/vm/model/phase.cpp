#include "core/vm/model/phase.hpp"

#include <array>

namespace fcvm::vm {
namespace {

// In the order of Phase.
constexpr std::array<std::string_view, kPhases> kWords = {
    "created", "starting", "restoring", "running", "paused", "saving", "stopping", "exited"};

}  // namespace

std::string_view to_string(Phase phase) { return kWords.at(static_cast<std::size_t>(phase)); }

Result<Phase> parse_phase(std::string_view text) {
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (kWords[i] == text) return static_cast<Phase>(i);
  }
  return fail(EINVAL, "\"" + std::string(text) + "\" is not a phase of a VM");
}

}  // namespace fcvm::vm
