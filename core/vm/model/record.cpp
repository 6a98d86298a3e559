// See record.hpp. Its JSON is in record_json.cpp.
#include "core/vm/model/record.hpp"

#include <algorithm>

namespace fcvm::vm {
Phase Record::effective_phase() const {
  return phase == Phase::kExited || awaits_start || supervisor.alive() ? phase : Phase::kExited;
}

bool Record::is_alive() const { return !awaits_start && effective_phase() != Phase::kExited; }

bool Record::is_up() const {
  const Phase now = effective_phase();
  return now == Phase::kRunning || now == Phase::kPaused || now == Phase::kSaving;
}

bool Record::is_ready() const {
  return std::all_of(gates.begin(), gates.end(),
                     [](const GateRecord& gate) { return gate.passed; });
}

}  // namespace fcvm::vm
