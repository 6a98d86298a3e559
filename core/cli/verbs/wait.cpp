// fcvm wait: waits for containers to end and prints their exit codes.
#include <algorithm>
#include <thread>

#include <fmt/core.h>

#include "core/base/process/process_id.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::cli {
namespace {

/// The supervisor went without an answer: its record has the last word, or, where it was killed
/// before it could write one, the cleaning up of what it left.
Result<int> code_from_record(Invocation& invocation, const vm::Record& before) {
  FCVM_TRY(base::wait_for_end(before.supervisor, base::Deadline::never()));
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record =
      FCVM_TRY(vm::find_record(records, before.id) |
               context("VM " + before.name + " was removed before its exit code was known"));
  return record->exit_code;
}

Result<int> wait_for(Invocation& invocation, const vm::Record& record) {
  if (record.effective_phase() == vm::Phase::kExited) return record.exit_code;
  if (record.awaits_start) return not_running(record, "waited for");
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto answer = vm::ask_supervisor(store->paths(), record.id, vm::ask::Wait{});
  if (answer) return answer->code;
  if (answer.error().code() == ESRCH) return code_from_record(invocation, record);
  return unexpected(answer.error());
}

/// The phases that --condition names; podman calls one that has exited "stopped", too.
Result<std::vector<vm::Phase>> wanted_phases(const Invocation& invocation) {
  std::vector<vm::Phase> wanted;
  for (const auto& name : invocation.values("condition")) {
    wanted.push_back(FCVM_TRY(vm::parse_phase(name == "stopped" ? "exited" : name)));
  }
  return wanted;
}

/// podman's -1 stands for the code of a container that has not ended.
Result<int> wait_for_phase(Invocation& invocation, const vm::Record& before,
                           const std::vector<vm::Phase>& wanted, config::Duration interval) {
  constexpr int kNoCode = -1;
  const auto is_wanted = [&](vm::Phase phase) {
    return std::find(wanted.begin(), wanted.end(), phase) != wanted.end();
  };
  for (;;) {
    const auto records = FCVM_TRY(invocation.records());
    const vm::Record* record = FCVM_TRY(vm::find_record(records, before.id));
    const auto phase = record->effective_phase();
    if (is_wanted(phase)) return phase == vm::Phase::kExited ? record->exit_code : kNoCode;
    if (phase == vm::Phase::kExited) return not_running(*record, "waited for");
    std::this_thread::sleep_for(interval);
  }
}

Result<int> run(Invocation& invocation) {
  const auto wanted = FCVM_TRY(wanted_phases(invocation));
  const config::Option option{.name = "interval", .type = config::Type::kDuration};
  const auto interval = std::get<config::Duration>(FCVM_TRY(
      config::parse(option, invocation.value("interval", "250ms")) | context("--interval")));
  const bool for_end = wanted.empty() || wanted == std::vector{vm::Phase::kExited};
  const auto print_code = [&](const vm::Record& record) -> Result<void> {
    const auto code = for_end ? wait_for(invocation, record)
                              : wait_for_phase(invocation, record, wanted,
                                               std::max(interval, config::Duration(1)));
    if (!code) return unexpected(code.error());
    fmt::print("{}\n", *code);
    return {};
  };
  return each_vm(invocation, {.action = print_code, .print_names = false});
}

}  // namespace

Verb wait_verb() {
  return {
      .name = "wait",
      .aliases = {"podman wait"},
      .arguments = "[--ignore] [--condition C] NAME...",
      .summary = "Wait until containers end, and print their exit codes",
      .details =
          "Prints a line with the exit code for each VM, in the order given; at once for one that\n"
          "has exited. 128 and more is the number of the signal that ended the container plus "
          "128;\n"
          "125 is a failure of the VM or of fcvm, which `fcvm inspect` tells more about. The exit\n"
          "code of `fcvm wait` itself is 0 when every code could be had.\n"
          "\n"
          "With --condition it waits for another phase, and prints -1 when that has come. A VM "
          "that\n"
          "has exited comes to no other phase, which is an error.\n"
          "\n"
          "Example:\n"
          "  fcvm run -d --name job fcvm/hello && fcvm wait job\n",
      .options = {{.name = "ignore",
                   .type = config::Type::kBoolean,
                   .help = "pass over VMs that are not there"},
                  {.name = "condition",
                   .type = config::Type::kList,
                   .help = "wait until one of these holds, by default until it has exited",
                   .choices = {"created", "starting", "running", "paused", "stopping", "stopped",
                               "exited"}},
                  {.name = "interval",
                   .type = config::Type::kDuration,
                   .help = "time between two looks at a condition (default: 250ms)",
                   .letter = 'i'},
                  latest_option()},
      .bears_mistakes = true,
      .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kVms},
      .run = run};
}

}  // namespace fcvm::cli
