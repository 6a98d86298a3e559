#include "core/setup/doctor/doctor.hpp"

#include <algorithm>

namespace fcvm::setup {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "fail";
  }
  return "fail";
}

std::vector<Diagnosis> examine(const Patient& patient) {
  std::vector<Diagnosis> diagnoses;
  for (const auto& checks : {program_checks(), kernel_checks(), jail_checks(), storage_checks()}) {
    for (const auto& check : checks) {
      diagnoses.push_back({check.name, check.why, check.vital, check.look(patient)});
    }
  }
  return diagnoses;
}

bool prevents_running(const std::vector<Diagnosis>& diagnoses) {
  return std::any_of(diagnoses.begin(), diagnoses.end(), [](const Diagnosis& diagnosis) {
    return diagnosis.vital && diagnosis.finding.verdict == Verdict::kFail;
  });
}

}  // namespace fcvm::setup
