// The end of a file, for messages about what died.
#pragma once

#include <string>
#include <string_view>

namespace fcvm::vmm {

/// The last lines of directory/name, at most `limit` bytes, made safe for a terminal; "" when there
/// is no such file.
std::string tail_of(int directory_fd, const std::string& name, std::size_t limit = 400);

/// What a panicking kernel said, or "".
std::string kernel_panic_in(std::string_view console);

}  // namespace fcvm::vmm
