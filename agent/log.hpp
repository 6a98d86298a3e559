// What the agent says about itself: to the kernel's log, and so to the console.
//
// A line is dropped rather than waited for: a guest that blocks on its console can hang, and takes
// a snapshot in the middle of a byte that no restore survives.
#pragma once

#include <string_view>

namespace fcvm::agent {

/// Where lines go: /dev/kmsg once there is one, until then (and in tests) stderr.
void open_log();
void log_line(std::string_view line);

}  // namespace fcvm::agent
