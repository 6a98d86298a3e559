// Recipe: what a snapshot was made from, as far as a clone cannot be made to differ from it. By it
// `fcvm run --snapshot` knows whether a clone is what would be there after a boot.
#pragma once

#include <map>
#include <string>

#include <fcvm/result.hpp>

#include "core/vm/model/run_plan.hpp"

namespace fcvm::snapshot {

/// A digest of each part, by what people call it: "the command". What a clone is given anew, such
/// as names and published ports, is no part; each gate of its readiness is one.
using Recipe = std::map<std::string, std::string>;

/// ENOENT when a part of the guest is not there.
[[nodiscard]] Result<Recipe> recipe_of(const vm::RunPlan& plan, const std::string& image_digest);

/// The parts of `wanted` that `made` has not, or others: "the command, the environment". Empty: a
/// snapshot that was made by it will do.
[[nodiscard]] std::string what_differs(const Recipe& wanted, const Recipe& made);

}  // namespace fcvm::snapshot
