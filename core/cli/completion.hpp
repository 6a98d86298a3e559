// What may be typed next: shells ask `fcvm complete`, so that every answer comes from the tables
// that parse the command line.
#pragma once

#include <string>
#include <vector>

#include "core/cli/invocation.hpp"

namespace fcvm::cli {

struct Candidate {
  std::string word;
  std::string help{};
};

struct Candidates {
  std::vector<Candidate> all{};
  bool files = false;  // the shell knows them better
};

/// `words` are those behind `fcvm`; the last one, perhaps empty, is being typed. What cannot be
/// had, as the names of VMs while the data directory cannot be read, is left out.
[[nodiscard]] Candidates complete(Invocation& invocation, std::vector<std::string> words);

/// For "bash", "zsh" or "fish": what defines the completion of fcvm in that shell.
[[nodiscard]] std::string completion_script(std::string_view shell);

}  // namespace fcvm::cli
