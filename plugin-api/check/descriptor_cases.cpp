// descriptor, scan-time: what a plugin says of itself, and how fast.
#include <algorithm>
#include <dlfcn.h>
#include <set>

#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/vmm.h>

#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"
#include "plugin-api/check/spelling.hpp"

namespace fcvm::check {
namespace {

constexpr std::size_t kLongestSummary = 160;
constexpr std::uint32_t kMostOptions = 256;

std::string text(const char* given) { return given == nullptr ? "" : given; }
std::string quoted(const char* given) {
  return given == nullptr ? "NULL" : "\"" + std::string(given) + "\"";
}

Result<void> check_identity(const fcvm_descriptor& descriptor) {
  static const std::set<std::string> kKinds = {FCVM_KIND_VMM, FCVM_KIND_NET, FCVM_KIND_IMAGE,
                                               FCVM_KIND_MEMORY, FCVM_KIND_READINESS};
  const std::string kind = text(descriptor.kind);
  const std::string id = text(descriptor.id);
  if (descriptor.abi_version != FCVM_ABI_VERSION) {
    return broken("abi_version is " + std::to_string(descriptor.abi_version) + ", not " +
                      std::to_string(FCVM_ABI_VERSION),
                  "set it to FCVM_ABI_VERSION, and build against this fcvm's headers");
  }
  if (descriptor.draft != FCVM_DRAFT) {
    return broken(
        "draft is " + std::to_string(descriptor.draft) + ", not " + std::to_string(FCVM_DRAFT),
        "set it to FCVM_DRAFT, and build against this fcvm's headers");
  }
  if (kKinds.count(kind) == 0) {
    return broken("kind " + quoted(descriptor.kind) + " is none of this fcvm",
                  "use FCVM_KIND_... of the kind's header");
  }
  if (!is_plugin_id(id)) {
    return broken("id " + quoted(descriptor.id) + " is not <family>.<name>",
                  "use lower-case letters, digits and '-': \"net.mine\"");
  }
  if (id.substr(0, id.find('.')) != kind.substr(0, kind.find('/'))) {
    return broken("id " + quoted(descriptor.id) + " is of another family than kind " +
                      quoted(descriptor.kind),
                  "begin the id with the kind's name");
  }
  return {};
}

Result<void> check_words(const fcvm_descriptor& descriptor) {
  if (!is_version(text(descriptor.version))) {
    return broken("version " + quoted(descriptor.version) + " is not like \"1.2.3\"",
                  "write three numbers with dots");
  }
  const std::string summary = text(descriptor.summary);
  if (summary.empty() || summary.size() > kLongestSummary || !is_showable(summary)) {
    return broken("the summary is empty, longer than 160 bytes, or has control characters",
                  "say in one line what the plugin is for");
  }
  if (descriptor.min_host_version != nullptr && !is_version(descriptor.min_host_version)) {
    return broken(
        "min_host_version " + quoted(descriptor.min_host_version) + " is not like \"1.2.3\"",
        "write three numbers with dots, or NULL");
  }
  return {};
}

Result<void> check_default(const fcvm_option& option, const std::string& which) {
  if (option.default_value != nullptr && !parse_value(option.type, option.default_value)) {
    return broken(which + ": the default " + quoted(option.default_value) + " is no " +
                      type_name(option.type),
                  "write the default as it would stand in TOML");
  }
  if (option.choices == nullptr) return {};
  const auto choices = split_choices(option.choices);
  if (std::find(choices.begin(), choices.end(), "") != choices.end()) {
    return broken(which + ": an empty choice in " + quoted(option.choices),
                  "write the choices as \"a|b\"");
  }
  if (option.default_value != nullptr &&
      std::find(choices.begin(), choices.end(), option.default_value) == choices.end()) {
    return broken(which + ": the default " + quoted(option.default_value) +
                      " is none of its choices " + quoted(option.choices),
                  "make the default one of the choices");
  }
  return {};
}

Result<void> check_option(const fcvm_option& option, std::set<std::string>& seen) {
  const std::string which = "option " + quoted(option.name);
  if (!is_kebab_case(text(option.name))) {
    return broken(which + ": the name is not kebab-case", "use lower-case letters, digits and '-'");
  }
  if (!seen.insert(option.name).second) {
    return broken(which + " is there twice", "give each option its own name");
  }
  if (option.type < FCVM_OPTION_TEXT || option.type > FCVM_OPTION_LIST) {
    return broken(which + ": the type " + std::to_string(option.type) + " is unknown",
                  "use FCVM_OPTION_TEXT ... FCVM_OPTION_LIST");
  }
  if (text(option.help).empty() || !is_showable(text(option.help))) {
    return broken(which + " has no help, or one with control characters",
                  "say in one sentence what it does");
  }
  if ((option.flags & FCVM_OPTION_REQUIRED) != 0 && option.default_value != nullptr) {
    return broken(which + " is required, and yet has a default", "drop one of the two");
  }
  return check_default(option, which);
}

Result<void> check_options(const fcvm_descriptor& descriptor) {
  if (descriptor.option_count > kMostOptions) {
    return broken("it has " + std::to_string(descriptor.option_count) + " options",
                  "have at most 256; a list is one");
  }
  if (descriptor.option_count > 0 && descriptor.options == nullptr) {
    return broken("option_count is not 0, but options is NULL", "fill in options");
  }
  std::set<std::string> seen;
  for (std::uint32_t i = 0; i < descriptor.option_count; ++i) {
    if (descriptor.options[i] == nullptr) return broken("an option is NULL", "fill in options");
    FCVM_TRY(check_option(sized_copy(descriptor.options[i]), seen));
  }
  return {};
}

/// Everything a descriptor says, as one text to compare.
std::string rendered(const fcvm_descriptor& descriptor) {
  std::string all = text(descriptor.id) + '\n' + text(descriptor.kind) + '\n' +
                    text(descriptor.version) + '\n' + text(descriptor.summary) + '\n' +
                    text(descriptor.min_host_version) + '\n' +
                    std::to_string(descriptor.capabilities) + '\n';
  for (const auto& option : sized_elements(descriptor.options, descriptor.option_count)) {
    all += text(option.name) + '\n' + std::to_string(option.type) + text(option.default_value) +
           '\n' + text(option.help) + '\n' + text(option.choices) + '\n';
  }
  return all;
}

Result<fcvm_descriptor> describe(const fcvm_plugin* table) {
  auto descriptor = sized<fcvm_descriptor>();
  auto error = sized<fcvm_error>();
  const auto code = table->describe(&descriptor, &error);
  if (code != 0) return broken("describe failed: " + told(code, error), "describe needs nothing");
  return descriptor;
}

Result<void> check_descriptor(const Target& target) {
  void* const object = FCVM_TRY(load_object(target.path));
  const auto* const table = FCVM_TRY(entry_table(object));
  const auto descriptor = FCVM_TRY(describe(table));
  FCVM_TRY(check_identity(descriptor));
  FCVM_TRY(check_words(descriptor));
  FCVM_TRY(check_options(descriptor));
  const std::string first = rendered(descriptor);
  const auto again = FCVM_TRY(describe(table));
  if (rendered(again) != first) {
    return broken("describing it again gave something else", "describe from constants only");
  }
  return {};
}

/// The best of three, so that a busy disk is not taken for a slow plugin.
Result<void> check_scan_time(const Target& target) {
  std::int64_t best = INT64_MAX;
  for (int round = 0; round < 3; ++round) {
    const std::int64_t start = monotonic_now();
    void* const object = FCVM_TRY(load_object(target.path));
    const auto* const table = FCVM_TRY(entry_table(object));
    FCVM_TRY(describe(table));
    best = std::min(best, monotonic_now() - start);
    ::dlclose(object);
  }
  if (best < kScanLimit) return {};
  return broken("loading and describing it took " + std::to_string(best / kMillisecond) +
                    " ms, and " + std::to_string(kScanLimit / kMillisecond) + " is the limit",
                "do nothing in constructors of globals; leave looking around to probe");
}

}  // namespace

void add_descriptor_cases(std::vector<Case>& cases) {
  cases.push_back({"descriptor",
                   "Descriptor and options",
                   "the descriptor and its option table are well-formed, and always the same",
                   {"entry"},
                   check_descriptor});
  cases.push_back({"scan-time",
                   "Descriptor and options",
                   "loading and describing take less than 100 ms",
                   {"descriptor"},
                   check_scan_time});
}

}  // namespace fcvm::check
