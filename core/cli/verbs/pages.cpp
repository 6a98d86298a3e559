// fcvm pages: for the build, which installs what it writes: man pages, and completions of shells.
#include "core/base/io/file.hpp"
#include "core/cli/completion.hpp"
#include "core/cli/man_pages.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

/// Where each shell looks, below a `share`.
struct Script {
  const char* shell;
  const char* directory;
  const char* file;
};
constexpr Script kScripts[] = {
    {"bash", "bash-completion/completions", "fcvm"},
    {"zsh", "zsh/site-functions", "_fcvm"},
    {"fish", "fish/vendor_completions.d", "fcvm.fish"},
};

Result<int> run(Invocation& invocation) {
  const std::filesystem::path share = invocation.positionals().front();
  FCVM_TRY(write_man_pages(share / "man"));
  for (const auto& [shell, directory, file] : kScripts) {
    FCVM_TRY(base::make_directories((share / directory).string(), 0755));
    FCVM_TRY(base::write_file_atomic((share / directory / file).string(), completion_script(shell),
                                     0644));
  }
  return 0;
}

}  // namespace

Verb pages_verb() {
  return {.name = "pages",
          .arguments = "SHARE",
          .summary = "Write man pages and completions below a directory",
          .reads_configuration = false,
          .hidden = true,
          .positionals = {.min = 1, .max = 1, .names = Names::kFiles},
          .run = run};
}

}  // namespace fcvm::cli
