// CloneMemory: where the memory of the one clone that this process supervises comes from: from a
// plugin in this process (own_memory.hpp), or from a page server that many clones have
// (served_memory.hpp).
#pragma once

#include <optional>
#include <string>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/vm/control/messages.hpp"

namespace fcvm::vm {

/// A clone's VMM has used what it needs to answer. What it uses later is other for each clone.
inline constexpr std::chrono::seconds kFirstUse{10};
/// Of what earlier clones have used: what has not come until then comes when it is missed.
inline constexpr std::chrono::milliseconds kPrefetchLimit{300};

class CloneMemory {
 public:
  CloneMemory() = default;
  CloneMemory(const CloneMemory&) = delete;
  CloneMemory& operator=(const CloneMemory&) = delete;
  /// The VMM has ended.
  virtual ~CloneMemory() = default;

  /// Puts what the VMM is to have into the clone's directory.
  virtual Result<void> offer(int clone_directory, base::Deadline deadline) = 0;
  /// What the VMM is given, once offered.
  [[nodiscard]] fcvm_memory_source source() const;
  /// The VMM runs, and its guest does not yet. Brings in what earlier clones have used, as far as
  /// kPrefetchLimit goes.
  virtual Result<void> started(int vmm_pidfd, bool prefetch) = 0;
  /// Why the VMM was ended, when it was for its memory's sake.
  [[nodiscard]] virtual std::optional<std::string> failure() = 0;
  /// From any thread: makes what waits fail soon.
  virtual void cancel() = 0;

 protected:
  ask::MemoryOffer offered_;
};

}  // namespace fcvm::vm
