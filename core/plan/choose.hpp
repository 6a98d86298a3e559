// Which plugin of a family does the work: the one that is named, or the best that works here.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/plugin/probe.hpp"
#include "core/plugin/registry.hpp"

namespace fcvm::plan {

struct Chosen {
  const plugin::Entry* entry = nullptr;
  /// Of the descriptor's, those to be had on this host.
  std::uint64_t capabilities = 0;
};

/// What `name` names in `family` ("net"); it is not asked whether it works.
[[nodiscard]] Result<Chosen> choose_named(const plugin::Registry& registry, std::string_view family,
                                          std::string_view name);

/// For "auto": the usable plugin that prefers itself most. Plugins are probed in the order of the
/// most that they can prefer themselves, until none that is left could do better. The error names
/// the reason of each.
[[nodiscard]] Result<Chosen> choose_best(const config::Config& config,
                                         const plugin::Registry& registry, std::string_view family);

/// Asks a plugin that was named; an error says why it does not work here.
[[nodiscard]] Result<void> check_works(const config::Config& config, Chosen& chosen);

}  // namespace fcvm::plan
