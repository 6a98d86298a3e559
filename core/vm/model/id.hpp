// Ids and names of VMs: what they look like, and new ones.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::vm {

inline constexpr std::size_t kIdLength = 12;

/// 12 lower-case hexadecimal digits: safe as part of a path, a socket's name, an interface's.
[[nodiscard]] bool is_id(std::string_view text);
/// From the kernel's random numbers; whether it is free is for the caller to see.
[[nodiscard]] Result<std::string> random_id();

/// As podman has it: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 128 long.
[[nodiscard]] Result<void> check_name(std::string_view name);
/// "brave-otter".
[[nodiscard]] Result<std::string> random_name();

}  // namespace fcvm::vm
