// fcvm doctor: shows what this host lacks, and how to give it that.
#include "core/setup/doctor/doctor.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <unistd.h>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/cli/invocation.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/load.hpp"
#include "core/plugin/probe.hpp"
#include "core/vm/host/cgroup.hpp"
#include "core/vm/host/cgroup_limits.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::cli {
namespace {

using setup::Verdict;

const std::string kNoFix = "it does not say; fcvm plugin inspect shows what it needs";

setup::Finding finding_of(const Result<plugin::ProbeResult>& probed) {
  if (!probed) {
    const auto& error = probed.error();
    return {Verdict::kFail, error.message(), error.remedy().empty() ? kNoFix : error.remedy()};
  }
  const std::string& fix = probed->remedy.empty() ? kNoFix : probed->remedy;
  if (!probed->works()) return {Verdict::kWarn, "unusable: " + probed->reason, fix};
  if (probed->status == FCVM_PROBE_DEGRADED) return {Verdict::kWarn, probed->reason, fix};
  return {Verdict::kPass, probed->detail.empty() ? "works here" : probed->detail};
}

/// Each plugin says for itself whether it works here.
struct PluginDiagnoses {
  std::vector<setup::Diagnosis> all;
  std::vector<std::string> usable;  // ids
};

Result<PluginDiagnoses> look_at_plugins(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  PluginDiagnoses diagnoses;
  for (const auto& entry : registry->entries()) {
    const auto probed = [&]() -> Result<plugin::ProbeResult> {
      FCVM_TRY(registry->find(entry.descriptor.id));
      return plugin::probe(entry, plugin::Settings::as_far_as_set(*config, entry.descriptor.id));
    }();
    if (probed && probed->works()) diagnoses.usable.push_back(entry.descriptor.id);
    diagnoses.all.push_back(
        {entry.descriptor.id, entry.descriptor.summary, false, finding_of(probed)});
  }
  for (const auto& rejected : registry->rejected()) {
    diagnoses.all.push_back({rejected.path.filename(),
                             "a plugin that was refused",
                             false,
                             {Verdict::kWarn, rejected.error.message(),
                              rejected.error.remedy().empty() ? "remove " + rejected.path.string()
                                                              : rejected.error.remedy()}});
  }
  return diagnoses;
}

/// A line for each mistake and each warning, as `fcvm config check` has them; or one that it is
/// right.
Result<void> look_at_configuration(Invocation& invocation, std::vector<setup::Diagnosis>& all) {
  config::LoadRequest request = FCVM_TRY(invocation.load_request());
  request.plugins = FCVM_TRY(invocation.registry())->tables();
  const config::CheckReport report = config::check(request);
  const auto add = [&all](Verdict verdict, const std::string& found, const char* fix) {
    all.push_back({"configuration", "`fcvm run` takes no mistakes", true, {verdict, found, fix}});
  };
  for (const auto& problem : report.problems.all()) {
    add(Verdict::kFail, problem.text(), config::kCheckAgain);
  }
  for (const auto& warning : report.warnings) add(Verdict::kWarn, warning, config::kCheckAgain);
  if (!report.problems.empty() || !report.warnings.empty()) return {};
  add(Verdict::kPass,
      report.files.empty() ? "no file; the built-in values hold"
                           : fmt::format("{} is right", fmt::join(report.files, ", ")),
      "");
  return {};
}

setup::Diagnosis something_runs_vms(const std::vector<std::string>& usable) {
  setup::Diagnosis diagnosis{"vmm", "something has to run the VMs", true, {}};
  for (const auto& id : usable) {
    if (id.starts_with("vmm.")) diagnosis.finding.found = id + " does";
  }
  if (diagnosis.finding.found.empty()) {
    diagnosis.finding = {Verdict::kFail, "no VMM works here", "apt install qemu-system-x86"};
  }
  return diagnosis;
}

/// In a cgroup like a VM's, which is removed again.
setup::Diagnosis look_at_limits() {
  setup::Diagnosis diagnosis{"limits", "bound what a VM takes of the host", false, {}};
  const char* fix =
      "use cgroup version 2, and run fcvm as root, where the user has a systemd of its own "
      "(loginctl enable-linger), or in a unit with Delegate=yes";
  const auto made = [](std::string& place) -> Result<vm::Cgroup> {
    const std::string id = FCVM_TRY(vm::random_id());
    place = FCVM_TRY(vm::cgroup_place(id, false));
    return vm::Cgroup::make(place);
  };
  std::string place;
  if (const auto cgroup = made(place); !cgroup) {
    diagnosis.finding = {Verdict::kWarn, "no limits: " + cgroup.error().message(), fix};
    return diagnosis;
  }
  const auto applied = vm::apply_limits(place, vm::CgroupLimits::of_guest(512 << 20, 1, true));
  if (auto removed = vm::remove_cgroup(place); !removed) {
    diagnosis.finding = {Verdict::kWarn, removed.error().message(), "rmdir " + place};
  } else if (applied.missing.empty()) {
    diagnosis.finding = {Verdict::kPass, "memory, CPUs and processes can be limited"};
  } else {
    diagnosis.finding = {Verdict::kWarn, "not limited: " + applied.missing, fix};
  }
  return diagnosis;
}

void print_json(const std::vector<setup::Diagnosis>& diagnoses, bool ready) {
  using nlohmann::ordered_json;
  ordered_json checks = ordered_json::array();
  for (const auto& diagnosis : diagnoses) {
    checks.push_back({{"name", diagnosis.name},
                      {"verdict", setup::to_string(diagnosis.finding.verdict)},
                      {"found", diagnosis.finding.found},
                      {"why", diagnosis.why},
                      {"fix", diagnosis.finding.fix},
                      {"vital", diagnosis.vital}});
  }
  const ordered_json whole = {{"ready", ready}, {"checks", checks}};
  fmt::print("{}\n", json_text(whole));
}

const char* colour_of(Verdict verdict) {
  const char* no_colour = std::getenv("NO_COLOR");
  if (::isatty(STDOUT_FILENO) != 1 || (no_colour != nullptr && *no_colour != '\0')) return "";
  if (verdict == Verdict::kPass) return "\033[32m";
  return verdict == Verdict::kWarn ? "\033[33m" : "\033[31m";
}

void print(const setup::Diagnosis& diagnosis) {
  const auto& finding = diagnosis.finding;
  const std::string colour = colour_of(finding.verdict);
  fmt::print("{}{}{}  {:<18} {} ({})\n", colour, setup::to_string(finding.verdict),
             colour.empty() ? "" : "\033[0m", diagnosis.name, finding.found, diagnosis.why);
  if (!finding.fix.empty()) fmt::print("{:<25}to fix: {}\n", "", finding.fix);
}

Result<int> run(Invocation& invocation) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  auto diagnoses = setup::examine({.data = store->paths().data});
  FCVM_TRY(look_at_configuration(invocation, diagnoses));
  auto plugins = FCVM_TRY(look_at_plugins(invocation));
  diagnoses.push_back(something_runs_vms(plugins.usable));
  std::move(plugins.all.begin(), plugins.all.end(), std::back_inserter(diagnoses));
  diagnoses.push_back(look_at_limits());
  const bool ready = !setup::prevents_running(diagnoses);
  if (invocation.flag("json")) {
    print_json(diagnoses, ready);
  } else {
    for (const auto& diagnosis : diagnoses) print(diagnosis);
    fmt::print("{}\n", ready ? "this host can run VMs" : "this host cannot run VMs yet");
  }
  return ready ? 0 : kExitFailure;
}

}  // namespace

Verb doctor_verb() {
  return {
      .name = "doctor",
      .arguments = "[--json]",
      .summary = "Check what this host needs to run VMs, and say how to fix what is missing",
      .details =
          "Tries each thing as it will be used: makes a namespace, shares a block between two\n"
          "files, asks each plugin whether it works here; and leaves nothing behind. A line says\n"
          "  pass  it is there\n"
          "  warn  VMs run without it, but slower or with less\n"
          "  fail  something that is commonly used will not work\n"
          "with what was found, what it is for, and the command that fixes it. Mistakes in the\n"
          "configuration are named as `fcvm config check` does, and keep no other check back.\n"
          "The exit code is 125 if a failure keeps every VM from running, else 0.\n"
          "\n"
          "--json prints {\"ready\": BOOLEAN, \"checks\": [{name, verdict, found, why, fix, "
          "vital}...]}.\n",
      .options = {{.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .bears_mistakes = true,
      .tells_mistakes = false,
      .run = run};
}

}  // namespace fcvm::cli
