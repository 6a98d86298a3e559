// The end of a container's log, for error messages. The container wrote it: whoever prints it must
// keep control characters out of the terminal, as log::report() does.
#pragma once

#include <filesystem>
#include <string>

namespace fcvm::vm {

/// The last lines, as they are.
[[nodiscard]] std::string last_words(const std::filesystem::path& log);

/// A newline and the last lines, indented; empty when the container said nothing.
[[nodiscard]] std::string log_tail(const std::filesystem::path& log);

}  // namespace fcvm::vm
