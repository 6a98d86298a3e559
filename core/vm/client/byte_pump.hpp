// Moving bytes both ways between two stream sockets, with half-close and back-pressure.
#pragma once

#include <string>

namespace fcvm::vm {

/// Blocks until both directions have ended, one of them broke, or `stop_fd` is readable. `early` is
/// sent to `a` before anything else. False when a direction broke. Both become non-blocking.
bool pump_bytes(int a, int b, std::string early, int stop_fd);

}  // namespace fcvm::vm
