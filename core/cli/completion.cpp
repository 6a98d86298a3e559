// See completion.hpp.
#include "core/cli/completion.hpp"

#include <algorithm>
#include <array>

#include "core/cli/find_verb.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/config/load.hpp"

namespace fcvm::cli {
namespace {

using Words = std::vector<std::string>;

bool is_option(std::string_view word) { return word.starts_with('-'); }

/// bash takes "--network=none" for three words.
void join_at_equals(Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] != "=" || !words[i - 1].starts_with("--")) continue;
    words[i - 1] += '=' + (i + 1 < words.size() ? words[i + 1] : "");
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(at, at + (i + 1 < words.size() ? 2 : 1));
    --i;
  }
}

class Completion {
 public:
  explicit Completion(Invocation& invocation) : invocation_(invocation) {}

  Candidates run(const Words& words) {
    const Words before(words.begin(), words.end() - 1);
    typed_ = words.back();
    const std::size_t skipped = count_words_before_verb(before);
    const Words from_verb(before.begin() + static_cast<std::ptrdiff_t>(skipped), before.end());
    const FoundVerb found = find_verb(from_verb);
    add_verbs(from_verb);
    if (found.verb != nullptr) {
      complete_verb(*found.verb, {from_verb.begin() + static_cast<std::ptrdiff_t>(found.words),
                                  from_verb.end()});
    } else if (is_option(typed_) && from_verb.empty()) {
      for (const auto& option : global_options()) add_option(option);
    }
    return std::move(found_);
  }

 private:
  void add(const std::string& word, const std::string& help = "") {
    if (!word.starts_with(typed_)) return;
    const auto same = [&](const Candidate& other) { return other.word == word; };
    if (std::none_of(found_.all.begin(), found_.all.end(), same))
      found_.all.push_back({word, help});
  }

  /// The next word of all names that begin so.
  void add_verbs(const Words& typed_before) {
    if (is_option(typed_)) return;
    if (typed_before.empty()) {
      for (const Verb& verb : verbs()) {
        if (verb.hidden) continue;
        const bool one_word = verb.name.find(' ') == std::string::npos;
        add(verb.name.substr(0, verb.name.find(' ')), one_word ? verb.summary : "");
        for (const auto& alias : verb.aliases) {
          if (alias.find(' ') == std::string::npos) add(alias, verb.summary);
        }
      }
      return;
    }
    std::string group = typed_before.front();
    if (typed_before.size() == 2 && group == "podman") group = typed_before[1];
    if (typed_before.size() > 1 && group != "container") return;
    for (const auto& [name, verb] : verbs_of_group(group)) add(name, verb->summary);
  }

  void complete_verb(const Verb& verb, const Words& words) {
    std::size_t positionals = 0;
    bool options_end = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (!options_end && words[i] == "--") {
        options_end = true;
      } else if (options_end || !is_option(words[i])) {
        ++positionals;
        options_end = options_end || verb.positionals.first_ends_options;
      } else if (const auto* option = option_awaiting_value(verb, words[i])) {
        if (++i == words.size()) return add_values(*option, "");
      }
    }
    if (!options_end && is_option(typed_)) return complete_option(verb);
    if (positionals >= verb.positionals.max) return;
    if (verb.positionals.first_ends_options && positionals > 0) {
      found_.files = true;  // the container's command
    } else if (positionals < verb.positionals.named) {
      add_names(verb.positionals.names);
    }
  }

  void complete_option(const Verb& verb) {
    const auto equals = typed_.find('=');
    for (const config::Option* option : options_of(verb)) {
      if (equals == std::string::npos) {
        add_option(*option);
      } else if (typed_.substr(0, equals) == "--" + option->name) {
        add_values(*option, typed_.substr(0, equals + 1));
      }
    }
  }

  void add_option(const config::Option& option) {
    add("--" + option.name, option.help);
    for (const auto& alias : option.aliases) add("--" + alias, option.help);
  }

  /// `prefix` is "--name=" where the value is part of the word.
  void add_values(const config::Option& option, const std::string& prefix) {
    for (const auto& choice : option.choices) add(prefix + choice);
    if (option.type == config::Type::kBoolean) {
      add(prefix + "true");
      add(prefix + "false");
    }
    const std::string& name = option.name;
    constexpr std::array kFiles = {"config", "cidfile",     "env-file",      "label-file",
                                   "kernel", "kernel-path", "kernel-modules"};
    if (std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end()) found_.files = true;
    if (name == "profile") add_profiles(prefix);
    if (name == "vmm") add_plugins("vmm.", {"auto"}, prefix);
    if (name == "network") add_plugins("net.", {"auto", "none"}, prefix);
    if (name == "image-mode") add_plugins("image.", {"auto"}, prefix);
    if (name == "filter") {
      for (const char* key :
           {"ancestor=", "exited=", "id=", "label=", "name=", "network=", "status="}) {
        add(prefix + key);
      }
    }
  }

  void add_profiles(const std::string& prefix) {
    const auto request = invocation_.load_request();
    if (!request) return;
    config::Problems ignored;
    const auto config = config::load_what_is_right(*request, ignored);
    for (const auto& name : config.profiles()) add(prefix + name);
  }

  /// By their names without the kind: "qemu" for "vmm.qemu".
  void add_plugins(std::string_view kind, const Words& besides, const std::string& prefix) {
    for (const auto& word : besides) add(prefix + word);
    const auto registry = invocation_.registry();
    if (!registry) return;
    for (const auto& entry : (*registry)->entries()) {
      const auto& id = entry.descriptor.id;
      if (id.starts_with(kind)) add(prefix + id.substr(kind.size()), entry.descriptor.summary);
    }
  }

  void add_names(Names names) {
    switch (names) {
      case Names::kVms:
      case Names::kLiveVms:
      case Names::kPausedVms:
        return add_vms(names);
      case Names::kImages:
        for (const char* one : {"fcvm/hello", "docker://", "oci:", "oci-archive:",
                                "docker-archive:", "dir:", "containers-storage:"}) {
          add(one);
        }
        return add_stored_images();
      case Names::kStoredImages:
        return add_stored_images();
      case Names::kPlugins:
        return add_plugins("", {}, "");
      case Names::kShells:
        for (const char* shell : {"bash", "zsh", "fish"}) add(shell);
        return;
      case Names::kFiles:
        found_.files = true;
        return;
      case Names::kNothing:
        return;
    }
  }

  void add_stored_images() {
    const auto catalog = ImageCatalog::open(invocation_, true);
    const auto images = catalog ? (*catalog)->all() : Result<std::vector<image::Image>>({});
    if (!images) return;
    for (const auto& image : *images) {
      for (const auto& name : image.names) add(name, short_id(image.id));
    }
  }

  void add_vms(Names names) {
    const auto store = invocation_.store();
    const auto records = store ? (*store)->all() : Result<std::vector<vm::Record>>({});
    if (!records) return;
    for (const auto& record : *records) {
      const auto phase = record.effective_phase();
      if (names == Names::kLiveVms && phase == vm::Phase::kExited) continue;
      if (names == Names::kPausedVms && phase != vm::Phase::kPaused) continue;
      add(record.name, record.image);
    }
  }

  Invocation& invocation_;
  std::string typed_;
  Candidates found_;
};

constexpr std::string_view kBash =
    R"(# Completion of fcvm in bash, as `fcvm completion bash` prints it.
_fcvm() {
  local word line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    word=${line%%$'\t'*}
    if [ "$word" = :files ]; then
      compopt -o default
      continue
    fi
    # bash completes what is behind the = alone.
    [[ ${COMP_WORDS[COMP_CWORD]} == -* ]] || word=${word#--*=}
    COMPREPLY+=("$word")
  done < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
  # A key, or a transport, goes on with its value.
  case ${COMPREPLY[0]-} in *=|*:|*://) compopt -o nospace ;; esac
}
complete -F _fcvm fcvm
)";

constexpr std::string_view kZsh = R"(#compdef fcvm
# Completion of fcvm in zsh, as `fcvm completion zsh` prints it.
_fcvm() {
  local line files
  local -a candidates
  for line in "${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      files=yes
    elif [[ -n $line ]]; then
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  (( ${#candidates} )) && _describe 'fcvm' candidates
  [[ -n $files ]] && _files
}
if [[ ${funcstack[1]} == _fcvm ]]; then
  _fcvm "$@"
else
  compdef _fcvm fcvm
fi
)";

constexpr std::string_view kFish =
    R"(# Completion of fcvm in fish, as `fcvm completion fish` prints it.
function __fcvm_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c fcvm -f -a '(__fcvm_complete)'
)";

}  // namespace

Candidates complete(Invocation& invocation, Words words) {
  join_at_equals(words);
  if (words.empty()) words.emplace_back();
  return Completion(invocation).run(words);
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  return std::string(shell == "zsh" ? kZsh : kFish);
}

}  // namespace fcvm::cli
