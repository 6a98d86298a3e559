// How well this host lets VMMs be jailed: tried with a program that does nothing.
#include "core/base/jail/jail.hpp"

#include <unistd.h>

#include "core/base/process/spawn.hpp"
#include "core/setup/doctor/doctor.hpp"

namespace fcvm::setup {
namespace {

constexpr uid_t kAnyUid = 3'000'000'000;

Result<base::JailOutcome> try_jail(bool as_another_user) {
  base::Jail jail = FCVM_TRY(base::Jail::with_system());
  jail.own_network = true;
  if (as_another_user) jail.uid = kAnyUid;
  base::SpawnOptions options;
  options.argv = {"true"};
  options.environment = {{"PATH=/usr/bin:/bin"}};
  options.stdin_fd = options.stdout_fd = options.stderr_fd = base::kDevNull;
  options.jail = &jail;
  base::JailOutcome outcome;
  base::Child child = FCVM_TRY(base::spawn(options, &outcome));
  FCVM_TRY(child.wait());
  return outcome;
}

Finding look_at_jail(const Patient&) {
  const bool root = ::geteuid() == 0;
  auto outcome = try_jail(root);
  const bool other_user = root && outcome && outcome->level == base::JailLevel::kNamespaces;
  if (root && !other_user) outcome = try_jail(false);
  if (!outcome) {
    return {Verdict::kWarn, outcome.error().message(), "allow user namespaces to this user"};
  }
  const std::string owner = other_user ? "a user, " : "";
  switch (outcome->level) {
    case base::JailLevel::kNamespaces:
      return {Verdict::kPass,
              "VMMs have " + owner + "namespaces and a root directory of their own"};
    case base::JailLevel::kLandlock:
      return {Verdict::kWarn, "Landlock alone keeps VMMs from the host's files: " + outcome->reason,
              "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu "
              "kernel.apparmor_restrict_unprivileged_userns=0"};
    case base::JailLevel::kNone:
      break;
  }
  return {Verdict::kWarn, "nothing keeps VMMs from this user's files: " + outcome->reason,
          "allow user namespaces, or boot with Landlock (lsm=landlock,...)"};
}

}  // namespace

std::vector<Check> jail_checks() {
  return {{"jail", "keeps a VMM that a guest took over from the host", false, look_at_jail}};
}

}  // namespace fcvm::setup
