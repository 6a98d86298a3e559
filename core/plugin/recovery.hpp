#pragma once

#include "core/base/deadline.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/services.hpp"
#include "core/plugin/settings.hpp"

namespace fcvm::plugin {

/// Has a plugin undo what `services.state` lists of an instance whose process was killed. ENOTSUP
/// when it cannot: then nothing is undone, and nothing may be forgotten.
[[nodiscard]] Result<void> recover(const Entry& entry, const Settings& settings, Services services,
                                   base::Deadline deadline);

}  // namespace fcvm::plugin
