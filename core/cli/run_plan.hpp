// From the options of [run] to a vm::RunPlan.
#pragma once

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/vm/run_plan.hpp"

namespace fcvm::cli {

/// Decides everything: which plugins, which guest, what runs. Makes nothing.
[[nodiscard]] Result<vm::RunPlan> make_run_plan(Invocation& invocation);

/// What --dry-run prints, as JSON.
[[nodiscard]] std::string describe(const vm::RunPlan& plan);

/// A command line as a shell would split it: what --cmd and --entrypoint take.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace fcvm::cli
