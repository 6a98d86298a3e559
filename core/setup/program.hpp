// Running the distribution's tools: found or named with their Debian package, logged in full,
// quoted in brief.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::setup {

/// The path of a program in PATH, or in the sbin directories that an ordinary user's PATH lacks;
/// empty when there is none.
[[nodiscard]] std::string find_program(std::string_view name);

/// "e2fsprogs" for "mke2fs"; the name itself when nothing else is known.
[[nodiscard]] std::string package_of(std::string_view program);

/// Fails with ENOENT, naming every missing program and the packages that have them.
[[nodiscard]] Result<void> require_programs(const std::vector<std::string>& names);

struct ProgramRun {
  std::vector<std::string> argv{};
  std::vector<std::string> variables{};  // "NAME=value", besides ours
  int stdin_fd = -1;                     // /dev/null
  int stdout_fd = -1;                    // -1: to the log, like its errors
  /// Gets all that it says; kept when the program fails. Empty: only the last lines are kept.
  std::string log{};
  /// What the kernel sends it should fcvm be killed: SIGTERM for a tool that tidies up on it.
  int death_signal = 9;
  /// For a tool that signals its whole process group, which must not be ours.
  bool own_group = false;
  /// For a tool that mounts for itself: no mount of its outlives it. `mount` has to be without.
  bool own_namespaces = false;
  std::function<void(std::string_view line)> on_line{};
  std::function<void()> tick{};  // several times a second
};

/// Waits for the end. A failure quotes the last lines that mean something.
[[nodiscard]] Result<void> run_program(const ProgramRun& run);

/// The standard output of a program that is quick.
[[nodiscard]] Result<std::string> output_of(std::vector<std::string> argv);

/// For messages: lines that look like errors, or else the last ones.
[[nodiscard]] std::string meaningful_lines(const std::vector<std::string>& lines);

/// For a shell: 'it'\''s'.
[[nodiscard]] std::string shell_quote(std::string_view word);

}  // namespace fcvm::setup
