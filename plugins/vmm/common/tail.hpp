// The end of a file, for messages about what died.
#pragma once

#include <string>
#include <string_view>

namespace fcvm::vmm {

/// Without control characters: nothing that a guest or a VMM said may steer the reader's terminal.
std::string printable(std::string text);

/// The last lines of directory/name, at most `limit` bytes, control characters removed; "" when
/// there is no such file.
std::string tail_of(int directory_fd, const std::string& name, std::size_t limit = 400);

/// What a panicking kernel said, or "".
std::string kernel_panic_in(std::string_view console);

}  // namespace fcvm::vmm
