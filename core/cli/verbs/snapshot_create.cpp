// fcvm snapshot create: saves a running VM.
#include <fmt/core.h>

#include "core/cli/running_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/create.hpp"

namespace fcvm::cli {
namespace {

Result<std::map<std::string, std::string>> labels_of(const Invocation& invocation) {
  std::map<std::string, std::string> labels;
  for (const auto& label : invocation.values("label")) {
    const auto equals = label.find('=');
    if (equals == 0) return fail(EINVAL, "--label " + label + ": it has no name");
    labels[label.substr(0, equals)] =
        equals == std::string::npos ? std::string() : label.substr(equals + 1);
  }
  return labels;
}

Result<int> run(Invocation& invocation) {
  const auto [record, words_used] = FCVM_TRY(find_running_vm(invocation, "save"));
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto kept = FCVM_TRY(snapshot::create(store, *vms, record,
                                              {.tag = invocation.value("tag", record.name),
                                               .labels = FCVM_TRY(labels_of(invocation)),
                                               .ends = invocation.flag("stop")}) |
                             context("saving VM " + record.name));
  const auto& saved = kept.snapshot;
  log::info("snapshot", "VM {} stood still for {:.0f} ms", record.name,
            static_cast<double>(saved.manifest.paused_ns) / 1e6);
  fmt::print("{}\n", saved.manifest.id);
  return 0;
}

}  // namespace

Verb snapshot_create_verb() {
  using config::Type;
  auto options = one_vm_options();
  options.push_back({.name = "tag", .help = "call it so; by default as the VM"});
  options.push_back({.name = "label", .type = Type::kList, .help = "KEY=VALUE, to find it by"});
  options.push_back(
      {.name = "stop", .type = Type::kBoolean, .help = "end the VM, which does not go on"});
  return {.name = "snapshot create",
          .arguments = "[--tag T] [--stop] NAME",
          .summary = "Save a running VM: its memory, its devices and its disks",
          .details =
              "The VM stands still while its memory is written and its disk is copied (a file\n"
              "system with reflinks, such as btrfs or XFS, copies nothing), and then goes on.\n"
              "Its connections stay. Prints the id of the snapshot, which is whole then, or was\n"
              "not made.\n"
              "\n"
              "A snapshot holds all that was in the VM's memory, secrets too: nobody but its user\n"
              "can read it.\n"
              "\n"
              "Example:\n"
              "  fcvm run -d --name web nginx\n"
              "  fcvm snapshot create web --tag warm\n"
              "  fcvm snapshot run -d warm\n",
          .options = std::move(options),
          .positionals = {.max = 1, .names = Names::kLiveVms},
          .run = run};
}

}  // namespace fcvm::cli
