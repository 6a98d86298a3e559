// The end of a guest's console, for error messages.
#pragma once

#include <filesystem>
#include <string>

namespace fcvm::vm {

/// A newline and the last lines, indented; empty when the console said nothing. The guest wrote it:
/// whoever prints it must keep control characters out of the terminal, as log::report() does.
[[nodiscard]] std::string console_tail(const std::filesystem::path& console);

}  // namespace fcvm::vm
