// A VMM's program on the host: where it is, and what it says its version is.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>

namespace fcvm::vmm {

/// A whole path for a whole path or for a name in PATH; ENOENT with the remedy, which says what to
/// install.
Result<std::string> find_program(const std::string& name, const std::string& remedy);

/// What `program --version` prints (at most 4 KiB of it), or with another question than that. It is
/// asked once of each file, known by path, device, inode, size and time of change, in the life of
/// this process.
Result<std::string> version_output(const Host& host, const std::string& program, const Call& call,
                                   const std::string& question = "--version");

}  // namespace fcvm::vmm
