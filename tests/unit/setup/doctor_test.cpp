#include "core/setup/doctor/doctor.hpp"

#include <set>

#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {

TEST_CASE("a KVM counts only where the CPU can virtualize") {
  CHECK(has_virtualization("processor\t: 0\nflags\t\t: fpu vmx sse\n", "x86_64"));
  CHECK(has_virtualization("processor\t: 0\nflags\t\t: fpu svm\nbugs\t: x\n", "x86_64"));
  CHECK_FALSE(
      has_virtualization("processor\t: 0\nflags\t\t: fpu sse vmxx\nbugs : vmx \n", "x86_64"));
  CHECK_FALSE(has_virtualization("", "x86_64"));
  CHECK(has_virtualization("Features : fp asimd", "aarch64"));
}

TEST_CASE("a pasta that repeats answers is told by its date") {
  for (const char* old : {"pasta unknown version", "pasta 2024_09_06.6b38f07",
                          "pasta 0.0~git20240906.6b38f07-1", "pasta 2025_03_19.1"}) {
    const Finding found = judge_pasta(old);
    CHECK(found.verdict == Verdict::kWarn);
    CHECK_THAT(found.found, fcvm::test::Contains(old));
    CHECK_FALSE(found.fix.empty());
  }
  for (const char* mended : {"pasta 2025_03_20.32f6212", "pasta 0.0~git20250503.587980c-2",
                             "pasta 2026_01_17.81c97f6", ""}) {
    const Finding found = judge_pasta(mended);
    CHECK(found.verdict == Verdict::kPass);
    CHECK_FALSE(found.found.empty());
    CHECK(found.fix.empty());
  }
}

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
  CHECK(names.size() >= 15);
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
