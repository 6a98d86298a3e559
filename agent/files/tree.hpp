// What orders do with names: list, make, move, remove. Paths are absolute.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/files/answer.hpp"
#include "agent/files/entries.hpp"

namespace fcvm::agent {

/// In their order.
Result<std::vector<std::string>> names_in_directory(const std::string& path);

/// Tells `depth` levels below the directory, or of a link to one, in the order of their names.
/// Links are told and not followed; a directory below that cannot be read is told without what is
/// in it.
Result<void> list_directory(const std::string& path, std::uint32_t depth, Entries& entries,
                            Answer& answer);

/// With its parents; EEXIST for a directory that is there, ENOTDIR for anything else.
Result<void> make_directory(const std::string& path);

/// Makes the directories that are missing above `to`.
Result<void> move_file(const std::string& from, const std::string& to);

/// ENOENT when there is nothing.
Result<void> remove_file(const std::string& path);

}  // namespace fcvm::agent
