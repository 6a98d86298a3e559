// The distribution's programs that fcvm calls.
#include <regex>
#include <unistd.h>

#include "core/setup/doctor/doctor.hpp"
#include "core/setup/pieces/needs.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {

Finding judge_pasta(const std::string& version) {
  // Those of 2025-02-05 to 2025-06-06 lose it in a pipe. Debian 13's is one, and mended; of
  // February's and March's, which are not, this cannot tell.
  if (version.empty()) return {Verdict::kPass, "a pasta of 2025 that tells a pipe no version"};
  static const std::regex date("(20[0-9]{2})_?([0-9]{2})_?([0-9]{2})");
  std::smatch parts;
  const bool told = std::regex_search(version, parts, date);
  if (told && parts.str(1) + parts.str(2) + parts.str(3) >= "20250320") {
    return {Verdict::kPass, version};
  }
  return {
      Verdict::kWarn,
      version +
          ": before 2025-03-20, pasta repeats answers to a guest that has closed its own "
          "half of a TCP connection first",
      "install a pasta (package passt) of 2025-03-20 or later, or use bridged networks, as root"};
}

namespace {

Finding look_for(const char* name, Verdict without, const char* option = "--version") {
  const auto program = find_program(name);
  if (program.empty()) return {without, "not installed", "apt install " + package_of(name)};
  const auto said = output_of({program, option});
  return {Verdict::kPass, said ? said->substr(0, said->find('\n')) : program};
}

Finding look_at_pasta(const Patient&) {
  auto there = look_for("pasta", Verdict::kFail);
  return there.verdict == Verdict::kPass ? judge_pasta(there.found) : there;
}
Finding look_at_nft(const Patient&) { return look_for("nft", Verdict::kWarn); }
Finding look_at_skopeo(const Patient&) { return look_for("skopeo", Verdict::kFail); }
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
      {"pasta", "carries the network of VMs without root", false, look_at_pasta},
      {"nft", "makes bridged networks, as root", false, look_at_nft},
      {"skopeo", "fetches images from registries", false, look_at_skopeo},
      {"mke2fs", "makes the disks of VMs", true, look_at_mke2fs},
      {"mmdebstrap", "makes the guest's root file system, in fcvm setup", false,
       look_at_mmdebstrap},
      {"subordinate-ids", "let a user run mmdebstrap", false, look_at_subordinate_ids},
  };
}

}  // namespace fcvm::setup
