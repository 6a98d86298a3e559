// The System of a real guest: every stage changes the machine for good.
#pragma once

#include "agent/boot/system.hpp"

namespace fcvm::agent {

[[nodiscard]] System& guest_system();

}  // namespace fcvm::agent
