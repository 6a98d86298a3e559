// The distribution's programs that the core calls.
#include <unistd.h>

#include "core/setup/doctor/doctor.hpp"
#include "core/setup/pieces/needs.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {

namespace {

Finding look_for(const char* name, Verdict without, const char* option = "--version") {
  const auto program = find_program(name);
  if (program.empty()) return {without, "not installed", "apt install " + package_of(name)};
  const auto said = output_of({program, option});
  return {Verdict::kPass, said ? said->substr(0, said->find('\n')) : program};
}

Finding look_at_mke2fs(const Patient&) {
  const auto program = find_program("mke2fs");
  if (!program.empty()) return {Verdict::kPass, program};
  return {Verdict::kFail, "not installed", "apt install e2fsprogs"};
}

Finding look_at_mmdebstrap(const Patient&) {
  if (::geteuid() != 0) {
    const auto there = require_programs({"mmdebstrap", "fakeroot", "newuidmap"});
    if (!there) return {Verdict::kWarn, there.error().message(), there.error().remedy()};
  }
  return look_for("mmdebstrap", Verdict::kWarn);
}

Finding look_at_subordinate_ids(const Patient&) {
  if (::geteuid() == 0) return {Verdict::kPass, "not needed by root"};
  const auto there = check_subordinate_ids();
  if (there) return {Verdict::kPass, "/etc/subuid and /etc/subgid have a range for this user"};
  return {Verdict::kWarn, there.error().message(), there.error().remedy()};
}

}  // namespace

std::vector<Check> program_checks() {
  return {
      {"mke2fs", "makes the disks of VMs", true, look_at_mke2fs},
      {"mmdebstrap", "makes the guest's root file system, in fcvm setup", false,
       look_at_mmdebstrap},
      {"subordinate-ids", "let a user run mmdebstrap", false, look_at_subordinate_ids},
  };
}

}  // namespace fcvm::setup
