// One command in the guest, from outside of its supervisor: for `fcvm top`.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/store/store.hpp"

namespace fcvm::vm {

struct GuestOutput {
  int exit_code = 0;
  std::string standard_output;
  std::string standard_error;
};

/// Runs it in the VM, next to the container, and waits for its end.
[[nodiscard]] Result<GuestOutput> run_guest_command(const Store& store, const std::string& id,
                                                    const std::vector<std::string>& argv);

}  // namespace fcvm::vm
