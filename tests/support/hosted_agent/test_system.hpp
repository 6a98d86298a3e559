// The System of an ordinary process: the container is the plan's command itself, and nothing of the
// machine is touched.
#pragma once

#include "agent/boot/system.hpp"

namespace fcvm::tests {

[[nodiscard]] agent::System& test_system();

}  // namespace fcvm::tests
