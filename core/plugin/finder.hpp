// Where plugins are looked for, and which files there may be loaded at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::plugin {

struct SearchPath {
  std::vector<std::filesystem::path> configured;  // [paths] plugin-dirs
  std::string environment;                        // FCVM_PLUGIN_PATH, ':' between directories
  std::filesystem::path installed;                // beside the program

  /// FCVM_PLUGIN_PATH, unless this process gained privileges by exec.
  [[nodiscard]] static std::string environment_of_process();
};

struct Candidate {
  std::filesystem::path path;
  std::optional<Error> refused;  // why it will not even be opened
};

/// Every *.so of the directories, in order and sorted within each; one file reached twice counts
/// once. A directory that does not exist is no error: a configured one may be on another machine.
[[nodiscard]] std::vector<Candidate> find_plugins(const SearchPath& search);

/// Whether one file may be loaded: a regular file that not everybody can write, an ELF object of
/// this machine, not truncated. Each failure has its own message.
[[nodiscard]] Result<void> check_file(const std::filesystem::path& path);

}  // namespace fcvm::plugin
