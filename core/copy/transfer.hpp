// The receiving end of a copy: what comes as a tar archive is put where it belongs.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/copy/unpack.hpp"
#include "core/tar/reader.hpp"

namespace fcvm::copy {

/// One source, as pack() packs it, to `path` by the rules of find_destination(). It is called
/// `name` whatever the archive calls it, and has to be contents if that is ".": the sender has no
/// say in where it goes.
Result<void> receive_one(tar::Source source, const std::string& path, const std::string& name,
                         const UnpackRules& rules, const Warn& warn);

/// Any archive, into a directory that exists.
Result<void> receive_all(tar::Source source, const std::string& directory, const UnpackRules& rules,
                         const Warn& warn);

}  // namespace fcvm::copy
