#include "core/config/load/profiles.hpp"

#include <algorithm>
#include <utility>

#include "core/config/nearest.hpp"
#include "core/config/tables.hpp"

namespace fcvm::config {

namespace {

std::string join(const std::vector<std::string>& names, const char* between) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : between) + name;
  return out;
}

}  // namespace

Profiles::Profiles(const std::vector<Document>& documents, Problems& problems)
    : problems_(problems) {
  for (const Document& document : documents) {
    for (const Member& top : document.root.members) {
      if (top.key != "profile" || !top.value.is_table()) continue;
      for (const Member& member : top.value.members) add(document, member);
    }
  }
  for (const auto& [name, profile] : profiles_) check_parents(name);
}

void Profiles::add(const Document& document, const Member& member) {
  if (!member.value.is_table()) {
    problems_.add(document.origin(member.at),
                  "`profile." + member.key + "` must be a section, [profile." + member.key +
                      "], not " + std::string(describe(member.value.kind)));
    return;
  }
  Profile& profile = profiles_[member.key];
  Definition definition{&document, member.value};
  take_parent(document, profile, definition.table);
  check_options(member.key, definition);
  profile.definitions.push_back(std::move(definition));
}

void Profiles::take_parent(const Document& document, Profile& profile, Node& table) {
  const auto found = std::find_if(table.members.begin(), table.members.end(),
                                  [](const Member& member) { return member.key == "inherits"; });
  if (found == table.members.end()) return;
  if (found->value.kind == Node::Kind::kText) {
    profile.parent = found->value.text;
    profile.parent_at = document.origin(found->value.at);
  } else {
    problems_.add(document.origin(found->value.at),
                  "`inherits`: expected the name of a profile, got " +
                      std::string(describe(found->value.kind)));
  }
  table.members.erase(found);
}

void Profiles::check_options(const std::string& name, const Definition& definition) const {
  SectionBuilder scratch(borrowed(run_table()), problems_);
  scratch.file_table(*definition.document, definition.table, {Layer::kProfile, {}, 0, 0, name});
}

void Profiles::check_parents(const std::string& name) const {
  std::vector<std::string> path{name};
  for (const Profile* at = &profiles_.at(name); !at->parent.empty();) {
    const auto parent = profiles_.find(at->parent);
    if (parent == profiles_.end()) {
      if (path.size() == 1) {  // a child of this one is not wrong itself
        problems_.add(at->parent_at,
                      "no profile `" + at->parent + "`" + did_you_mean(at->parent, names()));
      }
      return;
    }
    const bool round = std::find(path.begin(), path.end(), at->parent) != path.end();
    if (round) {
      // Told once, by the first of its members; not by those that only lead into it.
      const bool first = *std::min_element(path.begin(), path.end()) == name;
      if (at->parent == name && first) {
        path.push_back(name);
        problems_.add(profiles_.at(name).parent_at,
                      "profiles inherit in a circle: " + join(path, " -> "));
      }
      return;
    }
    path.push_back(at->parent);
    at = &parent->second;
  }
}

std::vector<std::string> Profiles::names() const {
  std::vector<std::string> all;
  for (const auto& [name, profile] : profiles_) all.push_back(name);
  return all;
}

void Profiles::apply(const std::string& name, const Origin& asked_by, SectionBuilder& run) const {
  if (profiles_.count(name) == 0) {
    const auto known = names();
    problems_.add(asked_by, "no profile `" + name + "`" + did_you_mean(name, known),
                  known.empty()
                      ? "write a section [profile." + toml_key(name) +
                            "] into a configuration file, such as ~/.config/fcvm/fcvm.toml"
                      : "take one of those there are: " + join(known, ", "));
    return;
  }
  std::vector<std::string> chain;  // from the profile to its last ancestor
  for (std::string next = name; profiles_.count(next) != 0; next = profiles_.at(next).parent) {
    if (std::find(chain.begin(), chain.end(), next) != chain.end()) return;  // reported already
    chain.push_back(next);
  }
  for (auto ancestor = chain.rbegin(); ancestor != chain.rend(); ++ancestor) {
    for (const Definition& definition : profiles_.at(*ancestor).definitions) {
      run.file_table(*definition.document, definition.table,
                     {Layer::kProfile, {}, 0, 0, *ancestor});
    }
  }
}

}  // namespace fcvm::config
