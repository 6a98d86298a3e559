#include "core/plugin/settings.hpp"

#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/config/nearest.hpp"

namespace fcvm::plugin {
namespace {

std::uint32_t abi_type(config::Type type) {
  switch (type) {
    case config::Type::kText:
      return FCVM_OPTION_TEXT;
    case config::Type::kBoolean:
      return FCVM_OPTION_BOOLEAN;
    case config::Type::kInteger:
      return FCVM_OPTION_INTEGER;
    case config::Type::kSize:
      return FCVM_OPTION_SIZE;
    case config::Type::kDuration:
      return FCVM_OPTION_DURATION;
    case config::Type::kList:
    case config::Type::kMap:
      return FCVM_OPTION_LIST;
  }
  return FCVM_OPTION_TEXT;
}

std::int64_t number_of(const config::Value& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? 1 : 0;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* size = std::get_if<config::Size>(&value)) {
    return static_cast<std::int64_t>(size->bytes);
  }
  if (const auto* duration = std::get_if<config::Duration>(&value)) {
    return std::chrono::nanoseconds(*duration).count();
  }
  return 0;
}

/// The value of an option in a section that may not be there.
const config::Value* set_in(const config::Section* section, const config::Option& option) {
  if (section == nullptr) return nullptr;
  for (const config::Entry& entry : section->entries) {
    if (entry.option->name == option.name && entry.value) return &*entry.value;
  }
  return nullptr;
}

}  // namespace

Result<Settings> Settings::of(const config::Config& config, const std::string& id) {
  const config::Section* section = config.section("plugin." + id);
  if (section == nullptr) return Settings();
  FCVM_TRY(config::check_required(*section));
  return from_section(*section);
}

Settings Settings::as_far_as_set(const config::Config& config, const std::string& id) {
  const config::Section* section = config.section("plugin." + id);
  return section == nullptr ? Settings() : from_section(*section);
}

Settings Settings::from_section(const config::Section& section) {
  Settings settings;
  for (const config::Entry& entry : section.entries) {
    if (entry.value) settings.add(*entry.option, *entry.value);
  }
  settings.finish();
  return settings;
}

Result<Settings> Settings::from_values(
    const config::OptionTable& table,
    const std::vector<std::pair<std::string, std::string>>& values,
    const config::Section* beneath) {
  std::vector<std::string> known;
  for (const auto& option : table.options) known.push_back(option.name);
  for (const auto& [name, text] : values) {
    if (table.find(name) == nullptr) {
      return fail(EINVAL, fmt::format("{} has no option \"{}\"{}", table.section, name,
                                      config::did_you_mean(name, known)));
    }
  }
  Settings settings;
  for (const config::Option& option : table.options) {
    std::vector<std::string> texts;
    for (const auto& [name, text] : values) {
      if (table.find(name) == &option) texts.push_back(text);
    }
    if (const auto* set = texts.empty() ? set_in(beneath, option) : nullptr) {
      settings.add(option, *set);
      continue;
    }
    if (texts.empty() && option.required) {
      return fail(EINVAL, fmt::format("{} needs the option \"{}\": {}", table.section, option.name,
                                      option.help));
    }
    if (texts.empty() && !option.initial.empty()) texts.push_back(option.initial);
    if (texts.empty()) continue;
    settings.add(option, FCVM_TRY(config::parse(option, texts) |
                                  context(fmt::format("option \"{}\"", option.name))));
  }
  settings.finish();
  return settings;
}

void Settings::add(const config::Option& option, const config::Value& value) {
  Row& row = rows_.emplace_back();
  row.name = option.name;
  row.text = config::to_text(option, value);
  if (const auto* list = std::get_if<config::List>(&value)) row.items = *list;
  for (const auto& item : row.items) row.item_pointers.push_back(item.c_str());
  row.setting = sized<fcvm_setting>();
  row.setting.type = abi_type(option.type);
  row.setting.name = row.name.c_str();
  row.setting.text = row.text.c_str();
  row.setting.number = number_of(value);
  row.setting.items = row.item_pointers.data();
  row.setting.item_count = static_cast<std::uint32_t>(row.items.size());
}

void Settings::finish() {
  for (const Row& row : rows_) pointers_.push_back(&row.setting);
  settings_.count = static_cast<std::uint32_t>(pointers_.size());
  settings_.items = pointers_.data();
}

}  // namespace fcvm::plugin
