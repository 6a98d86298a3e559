// Which verb the words of a command line begin with.
#pragma once

#include <string>
#include <vector>

#include "core/cli/verb.hpp"

namespace fcvm::cli {

struct FoundVerb {
  const Verb* verb = nullptr;
  std::size_t words = 0;  // of its name
};

/// The verb with the most words: "plugin ls" before an eventual "plugin". podman's own are also
/// there behind "container", as in podman.
[[nodiscard]] FoundVerb find_verb(const std::vector<std::string>& words);

/// How many words are options before the verb: two of `--log-level debug ls`.
[[nodiscard]] std::size_t count_words_before_verb(const std::vector<std::string>& words);

/// The verbs that begin with `group`, with the rest of their names: for "plugin" `ls` and
/// `inspect`, for "podman" and "container" those that podman has.
struct NamedVerb {
  std::string name;  // the rest
  const Verb* verb;
};
[[nodiscard]] std::vector<NamedVerb> verbs_of_group(const std::string& group);

[[nodiscard]] bool asks_help(std::string_view word);

}  // namespace fcvm::cli
