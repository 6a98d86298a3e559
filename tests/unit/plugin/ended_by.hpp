// Waiting for a process as a plugin does: by its pidfd, then the status.
#pragma once

#include <chrono>

#include "core/base/io/poll.hpp"
#include "core/plugin/services.hpp"

namespace fcvm::plugin {

inline Result<fcvm_process_status> ended_by(ProcessService& processes, std::uint64_t handle,
                                            std::chrono::milliseconds limit) {
  FCVM_TRY(base::wait_readable(processes.pidfd(handle), base::Deadline::in(limit)));
  return processes.status(handle);
}

}  // namespace fcvm::plugin
