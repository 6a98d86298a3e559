#include "core/plugin/descriptor.hpp"

#include <array>
#include <charconv>

#include <fmt/core.h>

#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/sdk/sized.hpp>
#include <fcvm/vmm.h>

namespace fcvm::plugin {
namespace {

struct Kind {
  std::string_view kind;
  std::vector<std::string_view> capabilities;  // bit 0 first
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {FCVM_KIND_VMM,
       {"snapshot", "snapshot-diff", "restore-file", "restore-uffd", "balloon", "metadata",
        "hugepages", "rate-limit", "needs-elf-kernel", "emulated"}},
      {FCVM_KIND_NET,
       {"ipv6", "publish", "publish-udp", "choose-address", "reattach", "needs-root"}},
      {FCVM_KIND_IMAGE, {"share", "needs-builder"}},
      {FCVM_KIND_MEMORY, {"shares-pages", "prefetch", "needs-server"}},
      {FCVM_KIND_READINESS, {"needs-network"}},
  };
  return all;
}

const Kind* find_kind(std::string_view kind) {
  for (const Kind& known : kinds()) {
    if (known.kind == kind) return &known;
  }
  return nullptr;
}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

Result<config::Type> option_type(std::uint32_t type) {
  switch (type) {
    case FCVM_OPTION_TEXT:
      return config::Type::kText;
    case FCVM_OPTION_BOOLEAN:
      return config::Type::kBoolean;
    case FCVM_OPTION_INTEGER:
      return config::Type::kInteger;
    case FCVM_OPTION_SIZE:
      return config::Type::kSize;
    case FCVM_OPTION_DURATION:
      return config::Type::kDuration;
    case FCVM_OPTION_LIST:
      return config::Type::kList;
    default:
      return fail(EPROTO, fmt::format("it has the unknown type {}", type));
  }
}

std::vector<std::string> split_choices(std::string_view text) {
  std::vector<std::string> choices;
  while (!text.empty()) {
    const auto bar = text.find('|');
    choices.emplace_back(text.substr(0, bar));
    text = bar == std::string_view::npos ? "" : text.substr(bar + 1);
  }
  return choices;
}

Result<config::Option> read_option(const fcvm_option& row) {
  if (row.name == nullptr || *row.name == '\0') return fail(EPROTO, "an option has no name");
  config::Option option;
  option.name = row.name;
  option.type = FCVM_TRY(option_type(row.type) | context(fmt::format("option `{}`", row.name)));
  option.initial = text_or_empty(row.default_value);
  option.help = text_or_empty(row.help);
  option.required = (row.flags & FCVM_OPTION_REQUIRED) != 0;
  option.secret = (row.flags & FCVM_OPTION_SECRET) != 0;
  option.choices = split_choices(text_or_empty(row.choices));
  if (!option.initial.empty()) {
    const auto value = config::parse(option, option.initial);
    if (!value) {
      return fail(EPROTO, fmt::format("the default \"{}\" of option `{}` is wrong: {}",
                                      option.initial, option.name, value.error().message()));
    }
  }
  return option;
}

/// Numbers between dots; what follows a '-' or '+' does not order.
std::array<unsigned, 3> version_numbers(std::string_view text) {
  std::array<unsigned, 3> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (unsigned& number : numbers) {
    const auto [next, code] = std::from_chars(at, end, number);
    if (code != std::errc() || next == end || *next != '.') break;
    at = next + 1;
  }
  return numbers;
}

Result<void> check_identity(const Descriptor& descriptor) {
  const Kind* kind = find_kind(descriptor.kind);
  if (kind == nullptr) {
    return fail(EPROTO,
                fmt::format("it is of the kind \"{}\", which this fcvm {} does not know",
                            descriptor.kind, FCVM_VERSION),
                "install a plugin for this fcvm, or a newer fcvm");
  }
  const auto family = descriptor.kind.substr(0, descriptor.kind.find('/'));
  if (descriptor.family() != family || descriptor.name().empty()) {
    return fail(EPROTO, fmt::format("its id \"{}\" is not of the form \"{}.NAME\" that its kind "
                                    "\"{}\" asks for",
                                    descriptor.id, family, descriptor.kind));
  }
  if (version_numbers(descriptor.min_host_version) > version_numbers(FCVM_VERSION)) {
    return fail(EPROTO,
                fmt::format("{} {} needs fcvm {} or newer; this is {}", descriptor.id,
                            descriptor.version, descriptor.min_host_version, FCVM_VERSION),
                "install a newer fcvm or an older version of the plugin");
  }
  return {};
}

}  // namespace

std::string_view Descriptor::family() const { return std::string_view(id).substr(0, id.find('.')); }

std::string_view Descriptor::name() const {
  const auto dot = id.find('.');
  return dot == std::string::npos ? std::string_view() : std::string_view(id).substr(dot + 1);
}

Result<Descriptor> describe(const fcvm_plugin& plugin) {
  const fcvm_plugin table = sized_copy(&plugin);
  if (table.describe == nullptr) return fail(EPROTO, "it has no `describe`");
  auto raw = sized<fcvm_descriptor>();
  auto error = sized<fcvm_error>();
  const std::int32_t code = table.describe(&raw, &error);
  if (code != 0) return unexpected(take_error(code, error).context("it failed to describe itself"));
  if (raw.abi_version != FCVM_ABI_VERSION) {
    return fail(EPROTO,
                fmt::format("it was built for plugin ABI {}; this fcvm {} speaks ABI {}",
                            raw.abi_version, FCVM_VERSION, FCVM_ABI_VERSION),
                raw.abi_version > FCVM_ABI_VERSION ? "install a newer fcvm"
                                                   : "rebuild the plugin with this fcvm's SDK");
  }
  Descriptor descriptor{text_or_empty(raw.id),
                        text_or_empty(raw.kind),
                        text_or_empty(raw.version),
                        text_or_empty(raw.summary),
                        text_or_empty(raw.min_host_version),
                        raw.capabilities,
                        {}};
  FCVM_TRY(check_identity(descriptor));
  descriptor.options.section = "plugin." + descriptor.id;
  descriptor.options.help = descriptor.summary;
  for (const fcvm_option& row : sized_elements(raw.options, raw.option_count)) {
    descriptor.options.options.push_back(FCVM_TRY(read_option(row)));
  }
  return descriptor;
}

std::vector<std::string> capability_names(std::string_view kind, std::uint64_t bits) {
  std::vector<std::string> names;
  const Kind* known = find_kind(kind);
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    const bool named = known != nullptr && bit < known->capabilities.size();
    names.push_back(named ? std::string(known->capabilities[bit]) : fmt::format("bit-{}", bit));
  }
  return names;
}

}  // namespace fcvm::plugin
