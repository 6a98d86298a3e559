// The function tables that the fake host offers.
#pragma once

#include <string_view>

namespace fcvm::check {

/// The table of log/1, process/1, guest/1, state/1 or progress/1; nullptr for any other.
[[nodiscard]] const void* fake_service(std::string_view id);

}  // namespace fcvm::check
