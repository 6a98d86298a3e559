// "Can this plugin work here?", asked in a process of its own.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/plugin/registry.hpp"
#include "core/plugin/settings.hpp"

namespace fcvm::plugin {

struct ProbeResult {
  std::uint32_t status = 0;  // FCVM_PROBE_...
  std::string reason;
  std::string remedy;
  std::string detail;
  std::uint64_t capabilities = 0;  // of the descriptor's, those to be had on this host
  std::int32_t preference = 0;

  [[nodiscard]] bool works() const { return status != FCVM_PROBE_UNUSABLE; }
  /// "usable" "degraded" "unusable".
  [[nodiscard]] std::string_view status_name() const;
};

/// An error means that the plugin could not answer: it crashed, hung or refused its settings.
[[nodiscard]] Result<ProbeResult> probe(const Entry& entry, const Settings& settings,
                                        std::chrono::milliseconds limit = std::chrono::seconds(10));

}  // namespace fcvm::plugin
