// See running_vm.hpp.
#include "core/cli/running_vm.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "core/cli/each_vm.hpp"

namespace fcvm::cli {
namespace {

Result<vm::Record> find_by_pid(const vm::Store& store, const std::string& text) {
  const auto pid = static_cast<pid_t>(std::stol(text));
  for (auto& record : FCVM_TRY(store.all())) {
    if (record.supervisor.pid == pid || record.vmm.pid == pid) return std::move(record);
  }
  return fail(ESRCH, fmt::format("--pid {}: no VM has this process", pid),
              "fcvm ls shows the VMs that live");
}

Result<void> check_running(const vm::Record& record, const char* what) {
  const vm::Phase phase = record.effective_phase();
  if (phase == vm::Phase::kRunning) return {};
  const auto message =
      fmt::format("cannot {} VM {}: it is {}", what, record.name, vm::to_string(phase));
  if (phase == vm::Phase::kPaused) {
    return fail(EBUSY, message, fmt::format("fcvm unpause {}", record.name));
  }
  if (phase != vm::Phase::kExited) return fail(EBUSY, message, "try again once its container runs");
  if (record.phase != vm::Phase::kExited) {
    return fail(EINVAL, message + ", since its supervisor was killed",
                fmt::format("fcvm gc undoes what that has left, then fcvm start {}", record.name));
  }
  return fail(EINVAL, fmt::format("{} (code {})", message, record.exit_code),
              fmt::format("fcvm start {}", record.name));
}

}  // namespace

Result<RunningVm> find_running_vm(Invocation& invocation, const char* what) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const bool by_name = invocation.given("name");
  const bool by_pid = invocation.given("pid");
  const bool latest = invocation.flag("latest");  // then it is the first word
  if (by_name + by_pid + latest > 1) {
    return fail(EINVAL, "give one of --name, --pid and --latest");
  }
  RunningVm found;
  if (by_pid) {
    found.record = FCVM_TRY(find_by_pid(*store, invocation.value("pid")));
  } else if (by_name) {
    found.record = FCVM_TRY(store->find(invocation.value("name")));
  } else {
    const auto& words = invocation.positionals();
    if (words.empty()) return fail(EINVAL, "give the name of a VM", "fcvm ls lists the VMs");
    found.record = FCVM_TRY(store->find(words.front()));
    found.words_used = 1;
  }
  FCVM_TRY(check_running(found.record, what));
  return found;
}

std::vector<config::Option> one_vm_options() {
  return {latest_option(),
          {.name = "name", .help = "the VM, by name or id"},
          {.name = "pid",
           .type = config::Type::kInteger,
           .help = "the VM, by the process of its supervisor or its VMM",
           .range = config::Range{.min = 1, .max = 4'194'304}}};
}

}  // namespace fcvm::cli
