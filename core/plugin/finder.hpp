// Where plugins are looked for, and which files there may be loaded at all.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::plugin {

struct SearchPath {
  std::vector<std::filesystem::path> configured;  // [paths] plugin-dirs
  std::string environment;                        // FCVM_PLUGIN_PATH, ':' between directories
  std::filesystem::path installed;                // beside the program
};

struct Candidate {
  std::filesystem::path path;    // free of links, unless it was refused
  std::optional<Error> refused;  // why it will not even be opened
};

/// Every *.so of the directories, in order and sorted within each; one file reached twice counts
/// once. A directory that does not exist is not an error: a configured one may be on another
/// machine.
[[nodiscard]] std::vector<Candidate> find_plugins(const SearchPath& search);

/// Whether one file may be loaded: a regular file that nobody else can change, nor a directory on
/// its way, an ELF object of this machine, not truncated. Each failure has its own message.
/// Somebody else is who is neither root nor `owner`, the user who is to run the plugin's code.
/// The path to load it by: without links, since somebody might turn one of those elsewhere later.
[[nodiscard]] Result<std::filesystem::path> check_file(const std::filesystem::path& path,
                                                       uid_t owner = ::geteuid());

}  // namespace fcvm::plugin
