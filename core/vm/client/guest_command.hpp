// One command in the guest, from outside of its supervisor: for `fcvm top` and `fcvm export`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
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

/// Takes a piece of standard output; what it fails with ends the wait.
using TakeOutput = std::function<Result<void>(std::string_view piece)>;

/// The same for one that prints more than is kept, or may take as long as it likes: ECANCELED soon
/// after `is_canceled` says so.
[[nodiscard]] Result<GuestOutput> run_guest_command(const Store& store, const std::string& id,
                                                    const std::vector<std::string>& argv,
                                                    const TakeOutput& take,
                                                    const std::function<bool()>& is_canceled);

}  // namespace fcvm::vm
