// Record's words and life; its JSON is in record_json.cpp.
#include "core/vm/model/record.hpp"

#include <array>

namespace fcvm::vm {
namespace {

// In the order of Phase.
constexpr std::array<std::string_view, 6> kPhases = {"created", "starting", "running",
                                                     "paused",  "stopping", "exited"};

}  // namespace

std::string_view to_string(Phase phase) { return kPhases.at(static_cast<std::size_t>(phase)); }

Result<Phase> parse_phase(std::string_view text) {
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    if (kPhases[i] == text) return static_cast<Phase>(i);
  }
  return fail(EINVAL, "\"" + std::string(text) + "\" is no phase of a VM");
}

Phase Record::effective_phase() const {
  return phase == Phase::kExited || supervisor.alive() ? phase : Phase::kExited;
}

bool Record::is_up() const {
  const Phase now = effective_phase();
  return now == Phase::kRunning || now == Phase::kPaused;
}

}  // namespace fcvm::vm
