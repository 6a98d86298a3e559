// What a sandbox uses of its host, as E2B's clients read it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <fcvm/result.hpp>

#include "core/api/sandboxes/sandbox.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::api {

/// {"timestamp":...,"cpuUsedPct":...,"memUsed":...}. Looks twice, a moment apart.
[[nodiscard]] Result<nlohmann::json> usage_json(const vm::Store& store, const Sandbox& sandbox);

/// "2026-11-28T05:00:00Z"
[[nodiscard]] std::string time_json(std::int64_t seconds);

}  // namespace fcvm::api
