// Phase: where in its life a VM is. Which follows on which is in core/vm/supervisor/lifecycle.hpp.
#pragma once

#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::vm {

enum class Phase {
  kCreated,    // recorded; nothing made yet
  kStarting,   // assets, network, VMM, boot
  kRestoring,  // the same, from a snapshot
  kRunning,    // the container runs
  kPaused,
  kSaving,    // paused, while a snapshot is made of it
  kStopping,  // the container has ended, what it wrote is still on its way
  kExited,    // the container ended, or never began; see exit_code and error
};
inline constexpr int kPhases = 8;

[[nodiscard]] std::string_view to_string(Phase phase);
[[nodiscard]] Result<Phase> parse_phase(std::string_view text);

}  // namespace fcvm::vm
