// See new_vm.hpp.
#include "core/cli/new_vm.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "core/cli/remove_vm.hpp"
#include "core/cli/session/detach_keys.hpp"
#include "core/cli/session/terminal.hpp"
#include "core/plan/run_plan.hpp"

namespace fcvm::cli {
namespace {

/// An option with a value that may be missing takes none from the next word: `--host-loopback 8080
/// IMAGE` would open everything, and run an image called 8080.
Result<void> check_image_word(const Invocation& invocation) {
  const std::string& image = invocation.positionals().front();
  if (image.find_first_not_of("0123456789,-") != std::string::npos) return {};
  for (const char* name : {"host-loopback", "host-addresses"}) {
    if (!invocation.given(name)) continue;
    return fail(EINVAL, fmt::format("{} is where the image stands, and looks like a port", image),
                fmt::format("write --{}={}", name, image));
  }
  return {};
}

}  // namespace

Result<vm::RunPlan> plan_new_vm(Invocation& invocation) {
  // Whatever killed supervisors left is not to stand in the way of a name.
  FCVM_TRY(invocation.records());
  FCVM_TRY(check_image_word(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  // Also where they do nothing now: `fcvm attach` takes them later.
  FCVM_TRY(DetachKeys::parse(config->text("run", "detach-keys")));
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto& words = invocation.positionals();
  return plan::make_run_plan({.config = *config,
                              .registry = *registry,
                              .paths = store->paths(),
                              .image = words.front(),
                              .command = {words.begin() + 1, words.end()},
                              .terminal = Terminal::size()});
}

Result<void> replace_old_vm(Invocation& invocation, const std::string& name) {
  const config::Config* config = FCVM_TRY(invocation.config());
  if (!config->boolean("run", "replace")) return {};
  if (name.empty()) {
    return fail(EINVAL, "--replace needs the name of what it replaces", "--name NAME");
  }
  vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(store->all());
  const auto old = std::find_if(records.begin(), records.end(),
                                [&](const vm::Record& record) { return record.name == name; });
  if (old == records.end()) return {};
  return RemoveVm(invocation, *store, {.force = true})(*old) | context("--replace");
}

}  // namespace fcvm::cli
