// See show.hpp.
#include "core/config/show.hpp"

#include <nlohmann/json.hpp>

#include "core/base/printable.hpp"
#include "core/config/load/toml.hpp"
#include "core/config/tables.hpp"

namespace fcvm::config {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMask = "********";

/// A secret's value with its texts masked; the keys of a map are no secret.
Value shown(const Entry& entry) {
  if (!entry.option->secret) return *entry.value;
  const std::string mask(kMask);
  if (const auto* list = std::get_if<List>(&*entry.value)) return List(list->size(), mask);
  Map masked;
  if (const auto* map = std::get_if<Map>(&*entry.value)) {
    for (const auto& [key, text] : *map) masked[key] = mask;
    return masked;
  }
  return mask;
}

std::string origin_text(const Entry& entry) {
  std::string out;
  for (const auto& [key, origin] : entry.key_origins) {
    out += (out.empty() ? "" : "; ") + key + ": " + to_string(origin);
  }
  return out.empty() ? to_string(entry.origin) : out;
}

std::string render_toml(const Config& config, bool origin) {
  std::string out;
  if (!config.profile().empty())
    out += "# with profile " + base::printable(config.profile()) + "\n\n";
  for (const Section& section : config.sections()) {
    out += (out.ends_with("\n\n") || out.empty() ? "[" : "\n[") + section.name + "]\n";
    for (const Entry& entry : section.entries) {
      const std::string& name = entry.option->name;
      if (!entry.value) {
        out += "# " + name + " is not set\n";
        continue;
      }
      out += name + " = " + toml_text(*entry.option, shown(entry));
      if (origin) out += "  # " + base::printable(origin_text(entry));
      out += "\n";
    }
  }
  for (const UncheckedPlugin& plugin : config.unchecked_plugins()) {
    out += "\n# [plugin." + base::printable(plugin.id + "] is set in " + to_string(plugin.origin)) +
           "\n";
  }
  return out;
}

Json json_value(const Entry& entry) {
  if (!entry.value) return nullptr;
  const Value value = shown(entry);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* list = std::get_if<List>(&value)) return *list;
  if (const auto* map = std::get_if<Map>(&value)) return *map;
  return to_text(*entry.option, value);
}

Json json_origin(const Origin& origin) {
  Json out{{"layer", to_string(origin.layer)}};
  if (!origin.file.empty()) out["file"] = origin.file;
  if (origin.line != 0) out["line"] = origin.line;
  if (origin.line != 0) out["column"] = origin.column;
  if (!origin.name.empty()) out["name"] = origin.name;
  return out;
}

Json json_entry(const Entry& entry, bool origin) {
  if (!origin) return json_value(entry);
  Json out{{"value", json_value(entry)}, {"origin", json_origin(entry.origin)}};
  for (const auto& [key, place] : entry.key_origins) out["keys"][key] = json_origin(place);
  return out;
}

std::string render_json(const Config& config, bool origin) {
  Json out = Json::object();
  for (const Section& section : config.sections()) {
    Json& object = out[section.name] = Json::object();
    for (const Entry& entry : section.entries) {
      object[entry.option->name] = json_entry(entry, origin);
    }
  }
  // Texts from the environment and the command line may be any bytes.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// --- the sample ---

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

std::string render_show(const Config& config, ShowOptions options) {
  return options.json ? render_json(config, options.origin) : render_toml(config, options.origin);
}

std::string sample(const std::vector<OptionTable>& tables) {
  std::string out(kHead);
  for (const OptionTable& table : tables) out += sample_table(table);
  return out + std::string(kProfileSample);
}

}  // namespace fcvm::config
