// fcvm wait: waits for containers to end and prints their exit codes.
#include <algorithm>
#include <iterator>
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

constexpr const char* kConditions[] = {"created",   "starting", "running",  "ready",   "healthy",
                                       "unhealthy", "paused",   "stopping", "stopped", "exited"};

Result<void> check_conditions(const std::vector<std::string>& conditions) {
  for (const auto& one : conditions) {
    const auto* const end = std::end(kConditions);
    if (std::find(std::begin(kConditions), end, one) != end) continue;
    return fail(EINVAL, fmt::format("--condition {}: there is no such condition", one),
                "fcvm wait --help lists them");
  }
  return {};
}

/// Whether what a word of --condition names is so.
bool holds(const std::string& condition, const vm::Record& record) {
  if (condition == "ready") return record.is_up() && record.is_ready();
  if (condition == "healthy" || condition == "unhealthy") {
    return record.is_up() && record.health.status == condition;
  }
  // podman calls one that has exited "stopped", too.
  const std::string phase = condition == "stopped" ? "exited" : condition;
  return vm::to_string(record.effective_phase()) == phase;
}

/// For what will never be. Whether it is checked shows once it is up: its image has a say in it.
Result<void> check_can_hold(const std::vector<std::string>& conditions, const vm::Record& record) {
  const auto is_of_health = [](const std::string& one) {
    return one == "healthy" || one == "unhealthy";
  };
  const bool for_health_alone = std::all_of(conditions.begin(), conditions.end(), is_of_health);
  if (!for_health_alone || !record.is_up() || !record.health.status.empty()) return {};
  return fail(EINVAL, fmt::format("VM {} has no health check", record.name),
              "fcvm run --health-cmd COMMAND gives it one");
}

/// podman's -1 stands for the code of a container that has not ended.
Result<int> wait_for_condition(Invocation& invocation, const vm::Record& before,
                               const std::vector<std::string>& conditions,
                               config::Duration interval) {
  constexpr int kNoCode = -1;
  for (;;) {
    const auto records = FCVM_TRY(invocation.records());
    const vm::Record* record = FCVM_TRY(vm::find_record(records, before.id));
    const bool has_ended = record->effective_phase() == vm::Phase::kExited;
    for (const auto& condition : conditions) {
      if (holds(condition, *record)) return has_ended ? record->exit_code : kNoCode;
    }
    if (has_ended) return not_running(*record, "waited for");
    FCVM_TRY(check_can_hold(conditions, *record));
    std::this_thread::sleep_for(interval);
  }
}

Result<int> run(Invocation& invocation) {
  const auto wanted = invocation.values("condition");
  FCVM_TRY(check_conditions(wanted));
  const config::Option option{.name = "interval", .type = config::Type::kDuration};
  const auto interval = std::get<config::Duration>(FCVM_TRY(
      config::parse(option, invocation.value("interval", "250ms")) | context("--interval")));
  const auto is_end = [](const auto& word) { return word == "exited" || word == "stopped"; };
  const bool for_end = std::all_of(wanted.begin(), wanted.end(), is_end);
  const auto print_code = [&](const vm::Record& record) -> Result<void> {
    const auto code = for_end ? wait_for(invocation, record)
                              : wait_for_condition(invocation, record, wanted,
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
          "With --condition it waits for something else, and prints -1 when that has come: "
          "created,\n"
          "starting, running, ready (all gates of --wait-ready have passed), healthy, unhealthy,\n"
          "paused, stopping, stopped or exited. A VM that has exited comes to no other, which is "
          "an\n"
          "error.\n"
          "\n"
          "Examples:\n"
          "  fcvm run -d --name job fcvm/hello && fcvm wait job\n"
          "  fcvm wait --condition healthy db\n",
      .options = {{.name = "ignore",
                   .type = config::Type::kBoolean,
                   .help = "pass over VMs that are not there"},
                  {.name = "condition",
                   .type = config::Type::kList,
                   .help = "wait until one of these holds, by default until it has exited"},
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
