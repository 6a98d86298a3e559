// What a descriptor is, for messages: its number says nothing to a user.
#pragma once

#include <string>

namespace fcvm::base {

/// "standard output", "/var/log/x", "a socket", "a pipe".
[[nodiscard]] std::string fd_name(int fd);

}  // namespace fcvm::base
