// See vm_filter.hpp.
#include "core/cli/vm_filter.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

namespace fcvm::cli {
namespace {

bool has_label(const vm::Record& record, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto at = record.labels.find(wanted.substr(0, equals));
  if (at == record.labels.end()) return false;
  return equals == std::string::npos || at->second == wanted.substr(equals + 1);
}

/// As podman has it, an image is also known without its registry, path or tag.
bool is_image(const std::string& image, const std::string& wanted) {
  if (wanted.empty()) return false;
  const auto at = image.find(wanted);
  if (at == std::string::npos) return false;
  const auto rest = std::string_view(image).substr(at + wanted.size());
  return (at == 0 || image[at - 1] == '/') && (rest.empty() || rest.front() == ':');
}

}  // namespace

bool VmFilter::passes(const vm::Record& record, const Term& term) {
  const auto& [key, value] = term;
  if (key == "ancestor") return is_image(record.image, value);
  if (key == "network") return record.network == value || record.network == "net." + value;
  if (key == "exited") {
    return record.effective_phase() == vm::Phase::kExited &&
           std::to_string(record.exit_code) == value;
  }
  if (key == "name") return record.name.find(value) != std::string::npos;
  if (key == "id") return record.id.compare(0, value.size(), value) == 0;
  if (key == "label") return has_label(record, value);
  return vm::to_string(record.effective_phase()) == value;
}

bool VmFilter::passes(const vm::Record& record) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    if (term.key == "label") return passes(record, term);
    return std::any_of(terms_.begin(), terms_.end(), [&](const Term& other) {
      return other.key == term.key && passes(record, other);
    });
  });
}

bool VmFilter::is_by_status() const {
  return std::any_of(terms_.begin(), terms_.end(),
                     [](const Term& term) { return term.key == "status" || term.key == "exited"; });
}

Result<VmFilter> VmFilter::parse(const std::vector<std::string>& texts) {
  VmFilter filter;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    Term term{text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
    constexpr std::array kKeys = {"name", "id", "label", "status", "ancestor", "network", "exited"};
    const bool known = std::find(kKeys.begin(), kKeys.end(), term.key) != kKeys.end();
    if (!known || equals == std::string::npos) {
      return fail(EINVAL, fmt::format("--filter: \"{}\" is not understood", text),
                  "use name=, id=, status=, exited=, label=, ancestor= or network=");
    }
    if (term.key == "status") {
      (void)FCVM_TRY(vm::parse_phase(term.value) | context("--filter") |
                     remedy("use created, starting, running, paused, stopping or exited"));
    }
    filter.terms_.push_back(std::move(term));
  }
  return filter;
}

config::Option filter_option(std::string help) {
  return {.name = "filter", .type = config::Type::kList, .help = std::move(help), .letter = 'f'};
}

}  // namespace fcvm::cli
