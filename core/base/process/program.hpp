#pragma once

#include <string>
#include <string_view>

namespace fcvm::base {

/// The path of a program: itself if it is a path, else in PATH or in `more`, which is written as
/// PATH is. Empty when there is none that may be executed. Relative directories of PATH do not
/// count: they mean another program in each directory.
[[nodiscard]] std::string find_program(std::string_view name, std::string_view more = "");

}  // namespace fcvm::base
