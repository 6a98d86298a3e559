// See words.hpp.
#include "plugins/readiness/exec/words.hpp"

#include <cerrno>

#include <nlohmann/json.hpp>

namespace fcvm::readiness {

Result<std::vector<std::string>> words_of(const std::string& command) {
  const auto first = command.find_first_not_of(" \t");
  if (first == std::string::npos) return fail(EINVAL, "command: it is empty", "command=true");
  if (command[first] != '[') return std::vector<std::string>{"/bin/sh", "-c", command};
  const auto list = nlohmann::json::parse(command, nullptr, false);
  // A line may begin so: `[ -e /run/up ]` tests for a file.
  if (list.is_discarded()) return std::vector<std::string>{"/bin/sh", "-c", command};
  std::vector<std::string> words;
  for (const auto& word : list) {
    if (!word.is_string()) return fail(EINVAL, "command: a JSON list of something but words");
    words.push_back(word);
  }
  if (words.empty()) return fail(EINVAL, "command: it is empty", "command=true");
  return words;
}

}  // namespace fcvm::readiness
