#include "core/config/sample.hpp"

#include "core/config/tables.hpp"
#include "core/config/toml_text.hpp"

namespace fcvm::config {

namespace {

constexpr std::string_view kHead = R"(# fcvm.toml: settings of fcvm.
#
# Each setting stands here with its default; remove the # before it to change it. Files are read in
# this order, a later one overriding an earlier one:
#   <prefix>/share/fcvm/fcvm.toml, /etc/fcvm/fcvm.toml, /etc/fcvm/conf.d/*.toml,
#   ~/.config/fcvm/fcvm.toml, ~/.config/fcvm/conf.d/*.toml, the file of --config,
#   the profile of --profile, the environment (FCVM_RUN_CPUS=4), the command line (--cpus 4).
# `fcvm config show --origin` prints what is in force and where it was set.
)";

constexpr std::string_view kProfileSample = R"(
# A profile sets any option of [run] under a name: fcvm podman run --profile big IMAGE
#[profile.big]
#cpus = 8
#mem = "8G"

#[profile.huge]
#inherits = "big"
#mem = "32G"
)";

/// What stands for an option without a default: it must parse, and be seen to be a place-holder.
std::string placeholder(const Option& option) {
  Value value = zero(option.type);
  if (option.range && option.type == Type::kInteger) value = option.range->min;
  if (option.range && option.type == Type::kSize) {
    value = Size{static_cast<std::uint64_t>(option.range->min)};
  }
  if (option.type == Type::kText && !option.choices.empty()) value = option.choices.front();
  return toml_text(option, value);
}

std::string setting(const Option& option) {
  if (option.initial.empty()) return placeholder(option);
  const Result<Value> value = parse_separated(option, option.initial);
  return value ? toml_text(option, *value) : placeholder(option);
}

std::string choices(const Option& option) {
  std::string out;
  for (const std::string& choice : option.choices) out += (out.empty() ? "" : ", ") + choice;
  return out.empty() ? out : "# One of: " + out + "\n";
}

std::string sample_table(const OptionTable& table) {
  std::string out = "\n# " + table.help + "\n[" + table.section + "]\n";
  for (const Option& option : table.options) {
    out += "\n# " + option.help + (option.required ? " (required)" : "") + "\n" + choices(option) +
           "#" + option.name + " = " + setting(option) + "\n";
  }
  return out;
}

}  // namespace

std::string sample(const std::vector<OptionTable>& tables) {
  std::string out(kHead);
  for (const OptionTable& table : tables) out += sample_table(table);
  return out + std::string(kProfileSample);
}

}  // namespace fcvm::config
