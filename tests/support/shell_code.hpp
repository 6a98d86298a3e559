// How a process ended, as a shell reports it.
#pragma once

#include "core/base/process/child.hpp"

namespace fcvm {

/// The code, or 128 + the signal.
inline int shell_code(const base::ExitStatus& status) {
  return status.signal() ? 128 + *status.signal() : *status.code();
}

}  // namespace fcvm
