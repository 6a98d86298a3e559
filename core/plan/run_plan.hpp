// From the options of [run] to a vm::RunPlan.
#pragma once

#include <fcvm/result.hpp>

#include "core/plan/request.hpp"
#include "core/setup/guest.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::plan {

/// Decides everything: which plugins, which guest, what runs. Makes nothing.
[[nodiscard]] Result<vm::RunPlan> make_run_plan(const Request& request);

/// Whether it is the image that `fcvm setup` made.
[[nodiscard]] bool is_hello(const std::string& image);
/// What an image plugin is given for an image that a user names.
[[nodiscard]] std::string reference_of(const std::string& image, const setup::Guest& guest);

}  // namespace fcvm::plan
