#include "core/config/config.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/config/load/plugin_loader.hpp"

namespace fcvm::config {

namespace {

[[noreturn]] void die(const char* what, std::string_view section, std::string_view name) {
  std::fprintf(stderr, "fcvm: a mistake in fcvm itself: %s: [%.*s] %.*s\n", what,
               static_cast<int>(section.size()), section.data(), static_cast<int>(name.size()),
               name.data());
  std::abort();
}

}  // namespace

const Section* Config::section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [name](const Section& section) { return section.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

const Entry& Config::entry(std::string_view section, std::string_view name) const {
  const Section* found = this->section(section);
  const Option* option = found == nullptr ? nullptr : found->table->find(name);
  if (option == nullptr) die("no such option", section, name);
  return found->entries.at(static_cast<std::size_t>(option - found->table->options.data()));
}

template <typename T>
const T& Config::get(std::string_view section, std::string_view name) const {
  static const T unset{};
  const Entry& found = entry(section, name);
  const Value zero_value = zero(found.option->type);
  if (!std::holds_alternative<T>(zero_value)) die("wrong type asked for", section, name);
  return found.value ? std::get<T>(*found.value) : unset;
}

const std::string& Config::text(std::string_view section, std::string_view name) const {
  return get<std::string>(section, name);
}

bool Config::boolean(std::string_view section, std::string_view name) const {
  return get<bool>(section, name);
}

std::int64_t Config::integer(std::string_view section, std::string_view name) const {
  return get<std::int64_t>(section, name);
}

std::uint64_t Config::size(std::string_view section, std::string_view name) const {
  return get<Size>(section, name).bytes;
}

Duration Config::duration(std::string_view section, std::string_view name) const {
  return get<Duration>(section, name);
}

const List& Config::list(std::string_view section, std::string_view name) const {
  return get<List>(section, name);
}

const Map& Config::map(std::string_view section, std::string_view name) const {
  return get<Map>(section, name);
}

bool Config::is_set(std::string_view section, std::string_view name) const {
  const Entry& found = entry(section, name);
  return found.value && found.origin.layer != Layer::kBuiltIn;
}

const Origin& Config::origin(std::string_view section, std::string_view name) const {
  return entry(section, name).origin;
}

Result<void> Config::validate_plugin_sections(const PluginTables& plugins) {
  Problems problems;
  PluginLoader(*this, problems).load(plugins);
  problems.sort();
  return problems.result() | remedy(kCheckAgain);
}

Result<void> check_required(const Section& section) {
  std::string missing;
  for (const Entry& entry : section.entries) {
    if (!entry.option->required || entry.value) continue;
    missing += (missing.empty() ? "`" : ", `") + entry.option->name + "`";
  }
  if (missing.empty()) return {};
  return fail(EINVAL, "[" + section.name + "]: " + missing + " must be set",
              "set it in /etc/fcvm/fcvm.toml or in ~/.config/fcvm/fcvm.toml");
}

}  // namespace fcvm::config
