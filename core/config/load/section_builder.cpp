#include "core/config/load/section_builder.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/config/load/node_value.hpp"
#include "core/config/nearest.hpp"
#include "core/config/tables.hpp"

namespace fcvm::config {

namespace {

/// The variables of one option, the one that counts most first.
std::vector<std::string> variables_of(const OptionTable& table, const Option& option) {
  std::vector<std::string> names{environment_name(table.section, option.name)};
  for (const std::string& alias : option.aliases) {
    names.push_back(environment_name(table.section, alias));
  }
  names.insert(names.end(), option.environment.begin(), option.environment.end());
  return names;
}

}  // namespace

SectionBuilder::SectionBuilder(std::shared_ptr<const OptionTable> table, Problems& problems)
    : problems_(problems) {
  section_.name = table->section;
  for (const Option& option : table->options) {
    Entry fresh;
    fresh.option = &option;
    section_.entries.push_back(std::move(fresh));
  }
  section_.table = std::move(table);
}

Entry& SectionBuilder::entry(const Option& option) {
  return section_.entries.at(static_cast<std::size_t>(&option - section_.table->options.data()));
}

void SectionBuilder::set(Entry& entry, Value value, const Origin& origin) {
  auto* added = std::get_if<Map>(&value);
  if (added != nullptr) {
    for (const auto& [key, text] : *added) entry.key_origins[key] = origin;
    if (entry.value) added->merge(std::get<Map>(*entry.value));
  }
  entry.value = std::move(value);
  entry.origin = origin;
}

void SectionBuilder::built_in(const std::vector<Assignment>& assignments) {
  for (const Option& option : section_.table->options) {
    if (option.initial.empty()) continue;
    Result<Value> value = parse_separated(option, option.initial);
    if (value) {
      set(entry(option), std::move(*value), Origin{});
    } else {  // only a plugin's table can be wrong: a test parses the core's
      problems_.add({Layer::kBuiltIn, {}, 0, 0, section_.name},
                    "default of `" + option.name + "`: " + value.error().message());
    }
  }
  assign(Layer::kBuiltIn, assignments);
}

void SectionBuilder::file_table(const Document& document, const Node& table, const Origin& origin) {
  const std::string shown =
      origin.layer == Layer::kProfile ? "profile." + origin.name : section_.name;
  std::set<const Option*> seen;
  for (const Member& member : table.members) {
    const Option* option = section_.table->find(member.key);
    if (option == nullptr) {
      const std::string elsewhere = belongs_elsewhere(member.key);
      problems_.add(
          document.origin(member.at),
          "unknown key `" + member.key + "` in [" + shown + "]" +
              (elsewhere.empty() ? did_you_mean(member.key, section_.table->names()) : elsewhere));
      continue;
    }
    if (!seen.insert(option).second) {
      problems_.add(document.origin(member.at), "`" + member.key + "` sets `" + option->name +
                                                    "`, which is already set in this table");
      continue;
    }
    auto value = value_of(option->as(member.key), member.value, document, problems_);
    if (!value) continue;
    Origin place = origin;
    place.file = document.path;
    place.line = member.at.line;
    place.column = member.at.column;
    set(entry(*option), std::move(*value), place);
  }
}

void SectionBuilder::environment(const Environment& environment) {
  for (const Option& option : section_.table->options) {
    for (const std::string& name : variables_of(*section_.table, option)) {
      const auto text = environment.get(name);
      if (!text) continue;
      const Origin origin{Layer::kEnvironment, {}, 0, 0, name};
      const bool in_bytes =
          !option.in_bytes.empty() && name == environment_name(section_.name, option.in_bytes);
      Result<Value> value = parse_separated(in_bytes ? option.as(option.in_bytes) : option, *text);
      if (value) {
        set(entry(option), std::move(*value), origin);
      } else {
        problems_.add(origin, value.error().message());
      }
      break;
    }
  }
}

void SectionBuilder::command_line(const std::vector<Assignment>& assignments) {
  assign(Layer::kCommandLine, assignments);
}

void SectionBuilder::assign(Layer layer, const std::vector<Assignment>& assignments) {
  struct Given {
    std::vector<std::string> texts{};
    std::string name{};
    std::string spelled{};
  };
  std::map<const Option*, Given> given;
  for (const Assignment& assignment : assignments) {
    if (assignment.section != section_.name) continue;
    const std::string spelled =
        assignment.spelled.empty() ? "--" + assignment.name : assignment.spelled;
    const Option* option = section_.table->find(assignment.name);
    if (option == nullptr) {
      problems_.add({layer, {}, 0, 0, spelled},
                    "unknown option" + did_you_mean(assignment.name, section_.table->names()));
      continue;
    }
    given[option].texts.push_back(assignment.text);
    given[option].name = assignment.name;
    given[option].spelled = spelled;
  }
  for (const auto& [option, what] : given) {
    const Origin origin{layer, {}, 0, 0, what.spelled};
    Result<Value> value = parse(option->as(what.name), what.texts);
    if (value) {
      set(entry(*option), std::move(*value), origin);
    } else {
      problems_.add(origin, value.error().message());
    }
  }
}

std::set<std::string> SectionBuilder::variables(const OptionTable& table) {
  std::set<std::string> names;
  for (const Option& option : table.options) {
    for (std::string& name : variables_of(table, option)) names.insert(std::move(name));
  }
  return names;
}

}  // namespace fcvm::config
