// What is in a file: out of it, and into it. Paths are absolute.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "agent/files/answer.hpp"
#include "agent/files/entries.hpp"

namespace fcvm::agent {

/// Tells the entry, then the bytes. EISDIR for a directory, EINVAL for what has no end of its own.
Result<void> read_content(const std::string& path, Entries& entries, Answer& answer);

/// Makes what `from` says until its end the file, and tells its entry. The directories that are
/// missing are made. A file that is there keeps its permissions, and is replaced at once; it is
/// written in place only where it cannot be replaced: when it is a mount, as podman's /etc/hosts
/// is, or the user must not make or replace files in its directory.
Result<void> write_content(const std::string& path, int from, Entries& entries, Answer& answer);

}  // namespace fcvm::agent
