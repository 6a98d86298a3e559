// The one VM that a verb works in, which has to run.
#pragma once

#include <string_view>

#include "core/cli/invocation.hpp"

namespace fcvm::cli {

/// By --name, by --pid (of its supervisor or its VMM) or, when neither is given, by the first
/// positional, which is then counted in `words_used`. `what` is for the message: "attach to".
struct RunningVm {
  vm::Record record;
  std::size_t words_used = 0;
};
[[nodiscard]] Result<RunningVm> find_running_vm(Invocation& invocation, const char* what);

/// --latest, --name and --pid.
[[nodiscard]] std::vector<config::Option> one_vm_options();

}  // namespace fcvm::cli
