// fcvm: finds the verb, runs it, and reports its error.
#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

#include <fmt/core.h>

#include "core/cli/command_line.hpp"
#include "core/cli/find_verb.hpp"
#include "core/cli/help.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/not_yet.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/verb.hpp"
#include "core/config/nearest.hpp"
#include "core/log/log.hpp"
#include "core/plugin/blame.hpp"

namespace fcvm::cli {
namespace {

using Words = std::vector<std::string>;

/// `fcvm plugin`, `fcvm plugin --help`: the verbs that begin so.
std::string help_of_group(const std::string& group) {
  std::string text;
  for (const auto& [name, verb] : verbs_of_group(group)) {
    text += fmt::format("\n  fcvm {:<20}  {}", group + ' ' + name, verb->summary);
  }
  return text;
}

Unexpected unknown_verb(const Words& words) {
  const auto group = help_of_group(words.front());
  if (!group.empty() && words.size() == 1) {
    return fail(EINVAL, fmt::format("fcvm {} needs another word:{}", words.front(), group));
  }
  std::size_t first = 0;
  for (const char* prefix : {"podman", "container"}) {
    if (first + 1 < words.size() && words[first] == prefix) ++first;
  }
  if (const auto* missing = not_yet_verb(words[first])) {
    return fail(ENOSYS, fmt::format("`{}` of podman is not there yet", missing->name),
                std::string(missing->instead));
  }
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (verb.hidden) continue;
    names.push_back(verb.name);
    names.insert(names.end(), verb.aliases.begin(), verb.aliases.end());
    names.push_back(verb.name.substr(0, verb.name.find(' ')));
  }
  const bool two = words.size() > 1 && words[1][0] != '-';
  auto typed = two ? words[0] + ' ' + words[1] : words[0];
  auto meant = config::did_you_mean(typed, names);
  if (meant.empty() && group.empty()) meant = config::did_you_mean(words[0], names);
  if (group.empty()) typed = words[0];
  return fail(EINVAL, fmt::format("there is no verb \"{}\"{}", typed, meant),
              group.empty() ? "fcvm --help lists the verbs"
                            : fmt::format("fcvm {} --help lists its verbs", words[0]));
}

Result<void> configure_log(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const auto level = FCVM_TRY(log::parse_level(config->text("log", "level")));
  const bool json = config->text("log", "format") == "json";
  log::configure(level, json ? log::Format::kJson : log::Format::kText);
  return {};
}

/// Before the configuration is read: its own errors should come in the form that was asked for.
void configure_log_early(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool split = words[i] == "--log-format" && i + 1 < words.size() && words[i + 1] == "json";
    if (split || words[i] == "--log-format=json") {
      log::configure(log::Level::kWarning, log::Format::kJson);
    }
  }
}

/// Help is there without a verb, too; all else is a mistake.
Result<int> run_no_verb(const Words& before, const Words& words) {
  const bool wants_help = asks_help(words.empty() ? before.back() : words.back());
  const auto group = words.empty() ? "" : help_of_group(words.front());
  if (wants_help && (words.empty() || !group.empty())) {
    fmt::print("{}", words.empty() ? help_of_all() : "Verbs:" + group + '\n');
    return 0;
  }
  if (!words.empty()) return unknown_verb(words);
  for (const auto& option : global_options()) {
    if (before.front().substr(0, before.front().find('=')) != "--" + option.name) continue;
    return fail(EINVAL, fmt::format("a verb is missing behind {}", before.front()),
                "fcvm --help lists the verbs");
  }
  return fail(EINVAL, fmt::format("unknown option {}", before.front()), "fcvm --help");
}

/// A descriptor that is closed (`<&-`) would become whatever is opened next.
bool fill_standard_descriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  return fd >= 0 && ::close(fd) == 0;
}

Result<int> run(Words given) {
  configure_log_early(given);
  if (given.size() > 1 && given.front() == "help") {  // fcvm help run
    given.erase(given.begin());
    given.emplace_back("--help");
  }
  if (given.empty() || asks_help(given.front()) || given.front() == "help") {
    fmt::print("{}", help_of_all());
    return given.empty() ? kExitFailure : 0;
  }
  const auto verb_at = given.begin() + static_cast<std::ptrdiff_t>(count_words_before_verb(given));
  const bool behind_options = verb_at != given.end() && *verb_at == "version";
  if (behind_options || given.front() == "--version" || given.front() == "-v") {
    fmt::print("fcvm {}\n", FCVM_VERSION);
    return 0;
  }
  const Words from_verb(verb_at, given.end());
  Words words(given.begin(), verb_at);
  const FoundVerb found = find_verb(from_verb);
  if (found.verb == nullptr) return run_no_verb(words, from_verb);
  words.insert(words.end(), from_verb.begin() + static_cast<std::ptrdiff_t>(found.words),
               from_verb.end());
  auto line = FCVM_TRY(parse_command_line(*found.verb, words));
  if (line.options.count("help") != 0) {
    fmt::print("{}", help_of(*found.verb));
    return 0;
  }
  Invocation invocation(std::move(line), FCVM_TRY(Layout::of_this_program()));
  for (const auto& variable : invocation.values("env")) hide_value(variable);
  if (found.verb->reads_configuration) FCVM_TRY(configure_log(invocation));
  if (found.verb->positionals.max > 0) FCVM_TRY(invocation.name_latest());
  return found.verb->run(invocation);
}

/// What is thrown here is a stdout that takes no more, from fmt.
Result<int> run_caught(const Words& words) {
  try {
    return run(words);
  } catch (const std::exception& thrown) {
    return fail(EIO, thrown.what());
  }
}

}  // namespace
}  // namespace fcvm::cli

int main(int argc, char** argv) {
  if (!fcvm::cli::fill_standard_descriptors()) return fcvm::cli::kExitFailure;
  // A peer that goes away is an error of one write, not the end of fcvm.
  std::signal(SIGPIPE, SIG_IGN);
  fcvm::plugin::blame_plugins(fcvm::cli::kExitFailure);
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  fcvm::cli::remember_arguments(argc, argv);
  const auto done = fcvm::cli::run_caught(words);
  if (std::fflush(stdout) != 0) return fcvm::cli::kExitFailure;
  if (done) return *done;
  fcvm::log::report(done.error());
  return fcvm::cli::kExitFailure;
}
