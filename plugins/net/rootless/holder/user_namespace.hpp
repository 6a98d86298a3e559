// Entering a user and a network namespace of one's own.
#pragma once

#include <fcvm/result.hpp>

namespace fcvm::rootless {

/// Moves this process, which must have no other thread, into a new user namespace, in which the
/// caller's user and group are root, and into a new network namespace of that. Its errors say which
/// of the host's settings forbids it.
Result<void> enter_own_namespaces();

}  // namespace fcvm::rootless
