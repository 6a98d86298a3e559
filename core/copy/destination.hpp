// Where a copy goes: the rules of `podman cp` for what the destination is and what comes.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::copy {

enum class SourceKind { kFile, kDirectory, kContents };

struct Destination {
  base::Fd directory;
  std::string top;  // what the source is called in it; empty: its contents go right there
};

/// `path` as the user wrote it, relative to the current directory; symbolic links in it are
/// followed. `name` is the source's own. ENOENT, EISDIR and the like say which rule is broken.
Result<Destination> find_destination(const std::string& path, SourceKind kind,
                                     const std::string& name, bool overwrite);

/// The last part of a path as it is written, "/" and "." at its end aside: "a" of "x/a/.". Empty
/// when that leaves nothing.
std::string last_part(const std::string& path);

}  // namespace fcvm::copy
