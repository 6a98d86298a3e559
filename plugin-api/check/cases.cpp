// The order in which the rules are asked: what others need comes first.
#include "plugin-api/check/case.hpp"

namespace fcvm::check {

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  add_file_cases(cases);
  add_descriptor_cases(cases);
  add_kind_cases(cases);
  add_life_cases(cases);
  add_option_cases(cases);
  add_leak_cases(cases);
  add_host_cases(cases);
  add_time_cases(cases);
  add_verb_cases(cases);
  add_memory_cases(cases);
  add_readiness_cases(cases);
  cases.push_back({"no-output",
                   "Host services",
                   "the plugin prints nothing: it speaks through log/1",
                   {"load"},
                   nullptr});
  return cases;
}

}  // namespace fcvm::check
