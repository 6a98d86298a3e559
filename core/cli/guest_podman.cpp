// See guest_podman.hpp.
#include "core/cli/guest_podman.hpp"

#include <fmt/core.h>

#include "core/cli/end_vm.hpp"
#include "core/cli/text/vm_text.hpp"

namespace fcvm::cli {
namespace {

std::vector<std::string> podman(const std::vector<std::string>& words) {
  std::vector<std::string> argv = {"podman", "--log-level=error"};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

}  // namespace

Result<GuestPodman> GuestPodman::find(Invocation& invocation, const std::string& name,
                                      const char* done) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record = FCVM_TRY(vm::find_record(records, name));
  const auto phase = record->effective_phase();
  if (phase == vm::Phase::kExited || phase == vm::Phase::kCreated) {
    return Result<GuestPodman>(not_running(*record, done)) | remedy("fcvm start " + record->name);
  }
  if (phase != vm::Phase::kRunning) return not_running(*record, done);
  const auto plan = FCVM_TRY(store->load_plan(record->id) | context("VM " + record->name));
  return GuestPodman(*store, *record, plan.container.name);
}

Result<vm::GuestOutput> GuestPodman::checked(Result<vm::GuestOutput> output,
                                             const std::string& word) const {
  const auto what = fmt::format("podman {} in VM {}", word, record_.name);
  if (!output) return unexpected(std::move(output).error().context(what));
  if (output->exit_code == 0) return output;
  return fail(EIO, fmt::format("{}: {}", what, printable(output->standard_error)));
}

Result<std::string> GuestPodman::run(const std::vector<std::string>& words) const {
  return FCVM_TRY(checked(vm::run_guest_command(store_, record_.id, podman(words)), words.front()))
      .standard_output;
}

Result<void> GuestPodman::run(const std::vector<std::string>& words, const Interrupt& interrupt,
                              const vm::TakeOutput& take) const {
  FCVM_TRY(checked(vm::run_guest_command(store_, record_.id, podman(words), take,
                                         [&] { return interrupt.signal().has_value(); }),
                   words.front()));
  return {};
}

}  // namespace fcvm::cli
