// See find_verb.hpp.
#include "core/cli/find_verb.hpp"

#include <algorithm>

namespace fcvm::cli {
namespace {

using Words = std::vector<std::string>;

/// Whether `words` begin with the words of `name`; how many there are.
std::size_t matches(const Words& words, std::string_view name) {
  std::size_t count = 0;
  while (!name.empty()) {
    const auto space = name.find(' ');
    if (count >= words.size() || words[count] != name.substr(0, space)) return 0;
    ++count;
    name = space == std::string_view::npos ? "" : name.substr(space + 1);
  }
  return count;
}

/// One that `podman container` has, too.
bool is_of_containers(const Verb& verb) {
  constexpr std::string_view kOthers[] = {"login", "logout", "info"};
  if (verb.name.starts_with("image ") ||
      std::ranges::find(kOthers, verb.name) != std::end(kOthers)) {
    return false;
  }
  return std::ranges::any_of(verb.aliases,
                             [](const auto& alias) { return alias.starts_with("podman "); });
}

Words names_of(const Verb& verb) {
  Words names = verb.aliases;
  names.insert(names.begin(), verb.name);
  return names;
}

}  // namespace

bool asks_help(std::string_view word) { return word == "--help" || word == "-h"; }

FoundVerb find_verb(const Words& words) {
  const bool podman = words.size() > 1 && words.front() == "podman";
  const auto at = words.begin() + (podman ? 1 : 0);
  if (at != words.end() && *at == "container") {
    const auto found = find_verb(Words(at + 1, words.end()));
    if (found.verb == nullptr || !is_of_containers(*found.verb)) return {};
    return {found.verb, found.words + (podman ? 2 : 1)};
  }
  FoundVerb best;
  for (const Verb& verb : verbs()) {
    std::size_t count = 0;
    for (const auto& name : names_of(verb)) count = std::max(count, matches(words, name));
    if (count > best.words) best = {&verb, count};
  }
  return best;
}

std::size_t count_words_before_verb(const Words& words) {
  std::size_t i = 0;
  while (i < words.size() && words[i].size() > 1 && words[i][0] == '-') {
    const bool takes_next = words[i].find('=') == std::string::npos && !asks_help(words[i]);
    i += takes_next ? 2 : 1;
  }
  return std::min(i, words.size());
}

std::vector<NamedVerb> verbs_of_group(const std::string& group) {
  std::vector<NamedVerb> found;
  const std::string prefix = (group == "container" ? "podman" : group) + ' ';
  for (const Verb& verb : verbs()) {
    if (verb.hidden || (group == "container" && !is_of_containers(verb))) continue;
    for (const auto& name : names_of(verb)) {
      if (name.starts_with(prefix)) found.push_back({name.substr(prefix.size()), &verb});
    }
  }
  return found;
}

}  // namespace fcvm::cli
