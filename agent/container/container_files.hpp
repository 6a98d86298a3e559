// Files of the container, read from outside of it.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::agent {

/// The text of a file as the process `pid` would see it; 0: in our own root. Symbolic links lead
/// nowhere but inside that root. Empty when it cannot be read, is not a regular file, or is too
/// large to be what it should be.
std::string read_in_root(pid_t pid, const std::string& path);
/// The same of a root that is mounted here.
std::string read_below(const std::string& root, const std::string& path);

/// The same path, only found (O_PATH): nothing that lies there is opened by it.
Result<base::Fd> find_in_root(pid_t pid, const std::string& path);

/// open(2), below a root as above. `mode` is for a file that is made.
Result<base::Fd> open_below(const std::string& root, const std::string& path, std::uint64_t flags,
                            mode_t mode = 0);

}  // namespace fcvm::agent
