// fcvm wait: waits for containers to end and prints their exit codes.
#include <fmt/core.h>

#include "core/base/process/process_id.hpp"
#include "core/cli/each_vm.hpp"
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
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto answer = vm::ask_supervisor(store->paths(), record.id, vm::ask::Wait{});
  if (answer) return answer->code;
  if (answer.error().code() == ESRCH) return code_from_record(invocation, record);
  return unexpected(answer.error());
}

Result<int> run(Invocation& invocation) {
  return each_vm(invocation, {.action = [&](const vm::Record& record) -> Result<void> {
                                fmt::print("{}\n", FCVM_TRY(wait_for(invocation, record)));
                                return {};
                              },
                              .print_names = false});
}

}  // namespace

Verb wait_verb() {
  return {
      .name = "wait",
      .aliases = {"podman wait"},
      .arguments = "[-i] NAME...",
      .summary = "Wait until containers end, and print their exit codes",
      .details =
          "Prints a line with the exit code for each VM, in the order given; at once for one that\n"
          "has exited. 128 and more is the number of the signal that ended the container plus "
          "128;\n"
          "125 is a failure of the VM or of fcvm, which `fcvm inspect` tells more about. The exit\n"
          "code of `fcvm wait` itself is 0 when every code could be had.\n"
          "\n"
          "Example:\n"
          "  fcvm run -d --name job fcvm/hello && fcvm wait job\n",
      .options = {ignore_option()},
      .bears_mistakes = true,
      .positionals = {.min = 1, .max = kAnyNumber},
      .run = run};
}

}  // namespace fcvm::cli
