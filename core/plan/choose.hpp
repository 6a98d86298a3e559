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
  /// Once it was probed, those of the descriptor's that are to be had on this host.
  std::uint64_t capabilities = 0;
  bool probed = false;
};

/// What `name` names in `family` ("net"); it is not asked whether it works.
[[nodiscard]] Result<Chosen> choose_named(const plugin::Registry& registry, std::string_view family,
                                          std::string_view name);

/// For "auto": the usable plugin that prefers itself most. Plugins are probed in the order of the
/// most that they can prefer themselves, until none that is left could do better. The error names
/// the reason of each. One that has no rival is taken as if it were named: a probe starts programs,
/// which is time lost at every run where there is nothing to choose.
[[nodiscard]] Result<Chosen> choose_best(const config::Config& config,
                                         const plugin::Registry& registry, std::string_view family);

/// Probes what has not been probed yet; an error says why it does not work here. For whoever needs
/// to know before it is used: what is missing, a plugin's first verb reports as well.
[[nodiscard]] Result<void> check_works(const config::Config& config, Chosen& chosen);

/// The VMM that [run] vmm names, or the best; one that works here.
[[nodiscard]] Result<std::string> choose_vmm(const config::Config& config,
                                             const plugin::Registry& registry);

/// The image plugin that [run] image-mode names, or the best. One that is named or has no rival is
/// not probed: what is missing it says when it is used, a moment later.
[[nodiscard]] Result<std::string> choose_image_plugin(const config::Config& config,
                                                      const plugin::Registry& registry);

}  // namespace fcvm::plan
