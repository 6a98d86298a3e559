// Packing a file or a directory tree into a tar archive.
#pragma once

#include <functional>
#include <string>

#include <fcvm/result.hpp>

#include "core/tar/writer.hpp"

namespace fcvm::copy {

/// For what was left out and is not a failure: a socket, say.
using Warn = std::function<void(const std::string&)>;

/// `path` as the user wrote it, relative to the current directory; a symbolic link there is
/// followed, those in a tree are packed as links. Its entries are called `name` and `name`/...; a
/// `name` of "." makes them the contents of a directory, "./...". File systems of the kernel's own
/// (proc, sysfs, cgroup) are not entered. ESTALE, at the end, when a file became shorter while it
/// was read.
Result<void> pack(const std::string& path, const std::string& name, tar::Writer& writer,
                  const Warn& warn);

/// The path means what is in a directory, not the directory: it ends with "/." or is ".".
bool means_contents(const std::string& path);

}  // namespace fcvm::copy
