#include "core/plan/choose.hpp"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include <fcvm/vmm.h>

#include "core/plugin/settings.hpp"

namespace fcvm::plan {
namespace {

using plugin::Entry;

Result<plugin::ProbeResult> probe(const config::Config& config, const Entry& entry) {
  return plugin::probe(entry, plugin::Settings::as_far_as_set(config, entry.descriptor.id));
}

/// The most hopeful first; registry entries are sorted by id already.
std::vector<const Entry*> candidates(const plugin::Registry& registry, std::string_view family) {
  std::vector<const Entry*> all;
  for (const Entry& entry : registry.entries()) {
    const auto& descriptor = entry.descriptor;
    if (descriptor.family() == family && descriptor.preference > 0) all.push_back(&entry);
  }
  std::stable_sort(all.begin(), all.end(), [](const Entry* a, const Entry* b) {
    return a->descriptor.preference > b->descriptor.preference;
  });
  return all;
}

/// What the plugins of a family are to people.
std::string_view called(std::string_view family) {
  if (family == "vmm") return "VMM";
  if (family == "net") return "network";
  return family == "image" ? "image mode" : family;
}

std::string_view remedy_of(std::string_view family) {
  if (family == "vmm") {
    return "fcvm doctor shows what is missing; `apt install qemu-system-x86` works everywhere";
  }
  return "fcvm doctor shows what is missing";
}

Result<Chosen> choose_wanted(const config::Config& config, const plugin::Registry& registry,
                             std::string_view family, const std::string& wanted) {
  if (wanted == "auto") return choose_best(config, registry, family);
  return choose_named(registry, family, wanted);
}

}  // namespace

Result<Chosen> choose_named(const plugin::Registry& registry, std::string_view family,
                            std::string_view name) {
  const Entry* entry = FCVM_TRY(registry.find(family, name));
  return Chosen{entry, entry->descriptor.capabilities, false};
}

Result<Chosen> choose_best(const config::Config& config, const plugin::Registry& registry,
                           std::string_view family) {
  const auto all = candidates(registry, family);
  if (all.size() == 1) return choose_named(registry, family, all.front()->descriptor.id);
  std::optional<Chosen> best;
  std::int32_t preference = 0;
  std::string reasons;
  for (const Entry* entry : all) {
    const auto& descriptor = entry->descriptor;
    if (descriptor.preference <= preference) break;
    const auto usable = registry.find(descriptor.id);
    const auto found = usable ? probe(config, *entry) : unexpected(usable.error());
    if (found && found->works() && found->preference > preference) {
      preference = found->preference;
      best = Chosen{entry, found->capabilities, true};
    } else if (!found || !found->works()) {
      reasons += fmt::format("\n  {}: {}", descriptor.name(),
                             found ? found->reason : found.error().message());
    }
  }
  if (best) return *best;
  if (reasons.empty()) {
    return fail(ENOENT, fmt::format("there is no {} to choose from", called(family)),
                "fcvm plugin ls shows what is installed, and what was refused");
  }
  return fail(ENOENT, fmt::format("no {} works here:{}", called(family), reasons),
              std::string(remedy_of(family)));
}

Result<void> check_works(const config::Config& config, Chosen& chosen) {
  if (chosen.probed) return {};
  const auto& descriptor = chosen.entry->descriptor;
  const auto found = FCVM_TRY(probe(config, *chosen.entry));
  chosen.capabilities = found.capabilities;
  chosen.probed = true;
  if (found.works()) return {};
  return fail(ENOTSUP,
              fmt::format("the {} {} does not work here: {}", called(descriptor.family()),
                          descriptor.name(), found.reason),
              found.remedy);
}

Result<std::string> choose_vmm(const config::Config& config, const plugin::Registry& registry) {
  Chosen chosen = FCVM_TRY(choose_wanted(config, registry, "vmm", config.text("run", "vmm")));
  FCVM_TRY(check_works(config, chosen));
  const auto& descriptor = chosen.entry->descriptor;
  const auto check = [&](bool wanted, std::uint64_t capability, const char* what) -> Result<void> {
    if (!wanted || (chosen.capabilities & capability) != 0) return {};
    return fail(ENOTSUP, fmt::format("{}: {} cannot do it here", what, descriptor.name()),
                "leave it out, or choose another --vmm; fcvm plugin ls lists them");
  };
  FCVM_TRY(check(config.boolean("run", "hugepages"), FCVM_VMM_CAN_HUGEPAGES, "--hugepages"));
  FCVM_TRY(check(config.is_set("run", "balloon"), FCVM_VMM_CAN_BALLOON, "--balloon"));
  return descriptor.id;
}

Result<std::string> choose_image_plugin(const config::Config& config,
                                        const plugin::Registry& registry) {
  const std::string& wanted = config.text("run", "image-mode");
  return FCVM_TRY(choose_wanted(config, registry, "image", wanted)).entry->descriptor.id;
}

}  // namespace fcvm::plan
