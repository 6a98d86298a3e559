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

#include "core/base/printable.hpp"

namespace fcvm::plugin {
namespace {

constexpr std::size_t kLongestWord = 64;
constexpr std::size_t kLongestSummary = 160;
constexpr std::size_t kLongestHelp = 1024;
constexpr std::uint32_t kMostOptions = 256;

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
       {"ipv6", "publish", "publish-udp", "choose-address", "reattach", "needs-root",
        "keeps-closed", "limit-rate", "ipv6-prefix"}},
      {FCVM_KIND_IMAGE, {"share", "needs-builder", "list"}},
      {FCVM_KIND_MEMORY, {"shares-pages", "prefetch", "server", "record", "layers", "hugepages"}},
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

/// For people: whatever a plugin says of itself may end on a terminal, in a log or in a sample
/// file.
std::string shown(const char* text, std::size_t most) {
  std::string whole = text_or_empty(text);
  // Not within a character: its bytes after the first begin with the bits 10.
  while (whole.size() > most && most > 0 && (whole[most] & 0xc0) == 0x80) --most;
  return base::printable(std::string_view(whole).substr(0, most));
}

/// An id's, or an option's: it becomes a table of TOML, a word of a command line, a variable.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kLongestWord &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

bool is_variable(std::string_view text) {
  return !text.empty() && text.size() <= kLongestWord && !(text[0] >= '0' && text[0] <= '9') &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
}

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

bool is_known(std::uint32_t type) { return type >= FCVM_OPTION_TEXT && type <= FCVM_OPTION_LIST; }

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
  if (!is_word(text_or_empty(row.name))) {
    return fail(
        EPROTO,
        fmt::format("\"{}\" cannot be the name of an option", shown(row.name, kLongestWord)),
        "use 1 to 64 of a-z, 0-9 and -");
  }
  config::Option option;
  option.name = row.name;
  option.type = FCVM_TRY(option_type(row.type) | context(fmt::format("option `{}`", row.name)));
  option.initial = text_or_empty(row.default_value);
  if (base::printable(option.initial) != option.initial) {
    return fail(EPROTO, fmt::format("the default of option `{}` has control characters", row.name));
  }
  option.help = shown(row.help, kLongestHelp);
  if (row.variable != nullptr) {
    if (!is_variable(row.variable)) {
      return fail(EPROTO,
                  fmt::format("\"{}\" cannot be a variable of the environment",
                              shown(row.variable, kLongestWord)),
                  "use 1 to 64 of A-Z, 0-9 and _, and no digit first");
    }
    option.environment.emplace_back(row.variable);
  }
  option.required = (row.flags & FCVM_OPTION_REQUIRED) != 0;
  option.secret = (row.flags & FCVM_OPTION_SECRET) != 0;
  option.choices = split_choices(base::printable(text_or_empty(row.choices)));
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

std::string_view family_of(std::string_view kind) { return kind.substr(0, kind.find('/')); }

/// The headers of drafts change with releases, and with them what a call means.
Result<void> check_draft(const fcvm_descriptor& raw) {
  const std::uint32_t draft = raw.draft == 0 ? 1 : raw.draft;  // the first did not say its number
  if (draft == FCVM_DRAFT) return {};
  return fail(
      EPROTO,
      fmt::format("it was built for draft {} of the plugin interface; this fcvm {} speaks "
                  "draft {}",
                  draft, FCVM_VERSION, FCVM_DRAFT),
      draft > FCVM_DRAFT ? "install a newer fcvm" : "rebuild the plugin with this fcvm's SDK");
}

/// A plugin of a newer kind may have the verbs of ours as well.
std::string kind_in_common(const std::string& kind, const fcvm_plugin& table) {
  if (find_kind(kind) != nullptr || table.verbs == nullptr) return kind;
  for (const Kind& known : kinds()) {
    if (family_of(known.kind) == family_of(kind) &&
        table.verbs(std::string(known.kind).c_str()) != nullptr) {
      return std::string(known.kind);
    }
  }
  return kind;
}

Result<void> check_identity(const Descriptor& descriptor) {
  const Kind* kind = find_kind(descriptor.kind);
  if (kind == nullptr) {
    return fail(EPROTO,
                fmt::format("it is of the kind \"{}\", which this fcvm {} does not know",
                            descriptor.kind, FCVM_VERSION),
                "install a plugin for this fcvm, or a newer fcvm");
  }
  const auto family = family_of(descriptor.kind);
  if (descriptor.family() != family || !is_word(descriptor.name())) {
    return fail(EPROTO,
                fmt::format("its id \"{}\" is not of the form \"{}.NAME\" that its kind "
                            "\"{}\" asks for",
                            base::printable(descriptor.id), family, descriptor.kind),
                "NAME is 1 to 64 of a-z, 0-9 and -");
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
  FCVM_TRY(check_draft(raw));
  Descriptor descriptor{text_or_empty(raw.id),
                        kind_in_common(shown(raw.kind, kLongestWord), table),
                        shown(raw.version, kLongestWord),
                        shown(raw.summary, kLongestSummary),
                        shown(raw.min_host_version, kLongestWord),
                        raw.capabilities,
                        raw.preference,
                        {}};
  FCVM_TRY(check_identity(descriptor));
  if (raw.option_count > kMostOptions) {
    return fail(EPROTO,
                fmt::format("it has {} options; {} are the most", raw.option_count, kMostOptions));
  }
  descriptor.options.section = "plugin." + descriptor.id;
  descriptor.options.help = descriptor.summary;
  for (const fcvm_option& row : sized_elements(raw.options, raw.option_count)) {
    // Of a newer host's types: what needs not be set can do without.
    if (!is_known(row.type) && (row.flags & FCVM_OPTION_REQUIRED) == 0) continue;
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
