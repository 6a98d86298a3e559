// What verbs on several VMs share: NAME... or --all, one after the other or side by side, a line
// for each that worked, an error for each that did not.
#pragma once

#include <functional>

#include "core/cli/invocation.hpp"

namespace fcvm::cli {

struct EachVm {
  /// What --all takes; empty: the verb has no --all.
  std::function<bool(const vm::Record&)> of_all{};
  std::function<Result<void>(const vm::Record&)> action{};
  bool side_by_side = false;  // actions that wait for a VM
  bool print_names = true;
  bool passes_over_missing = false;  // as with --ignore
  /// The exit code for an error; the first one counts.
  int (*exit_code)(const Error&) = [](const Error&) { return kExitFailure; };
};

/// --ignore passes over VMs that are not there, --filter over those that it does not fit.
[[nodiscard]] Result<int> each_vm(Invocation& invocation, const EachVm& each);

/// Whether it holds resources: everything but exited.
[[nodiscard]] bool is_alive(const vm::Record& record);

[[nodiscard]] config::Option all_option(std::string help);
[[nodiscard]] config::Option ignore_option();
[[nodiscard]] config::Option cidfile_option();
/// Invocation::name_latest() honours it, for every verb that takes names.
[[nodiscard]] config::Option latest_option();

}  // namespace fcvm::cli
