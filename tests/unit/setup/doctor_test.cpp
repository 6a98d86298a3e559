#include "core/setup/doctor/doctor.hpp"

#include <set>

#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {

TEST_CASE("every check finds something, says why, and how to fix what is not there") {
  const base::TempDir dir = must(base::TempDir::create());
  std::set<std::string> names;
  for (const auto& diagnosis : examine({.data = dir.path() + "/not/yet"})) {
    INFO(diagnosis.name);
    CHECK(names.insert(diagnosis.name).second);
    CHECK_FALSE(diagnosis.why.empty());
    CHECK_FALSE(diagnosis.finding.found.empty());
    CHECK(diagnosis.finding.fix.empty() == (diagnosis.finding.verdict == Verdict::kPass));
    if (diagnosis.name == "guest") CHECK(diagnosis.finding.fix == "fcvm setup");
  }
  CHECK(names.size() >= 10);
  CHECK(shell("ls -A " + dir.path()).empty());
}

TEST_CASE("only a failure of something vital keeps VMs from running") {
  Diagnosis diagnosis{"x", "y", false, {Verdict::kFail, "z", "w"}};
  CHECK_FALSE(prevents_running({diagnosis}));
  diagnosis.vital = true;
  CHECK(prevents_running({diagnosis}));
  diagnosis.finding.verdict = Verdict::kWarn;
  CHECK_FALSE(prevents_running({diagnosis}));
}

}  // namespace fcvm::setup
