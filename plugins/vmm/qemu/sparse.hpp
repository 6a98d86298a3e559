// Memory images as sparse files: pages of zeros take no room in them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::qemu {

inline constexpr std::size_t kPage = 4096;

/// Makes a file in place of the one that may be there: whoever still maps that one keeps it whole.
Result<Fd> replace_file(int directory, const std::string& name);

/// Writes the pages that are not zero at `offset`; where they are, the file has to be a hole.
Result<void> write_sparse(int to, std::uint64_t offset, std::span<const char> bytes);

/// Copies `size` bytes into a file without data: by sharing blocks where the file system can, else
/// what is not zero.
Result<void> copy_sparse(int from, int to, std::uint64_t size, const Call& call);

/// A range of a process's memory: calls `use` with pieces of it and their offset in the range.
using UsePiece = std::function<Result<void>(std::uint64_t offset, std::span<const char> bytes)>;
Result<void> read_process(pid_t process, std::uint64_t address, std::uint64_t size,
                          const Call& call, const UsePiece& use);

/// The pages of a private mapping which the process has changed: `use` gets offset and length of
/// each stretch of them.
using UseStretch = std::function<Result<void>(std::uint64_t offset, std::uint64_t length)>;
Result<void> changed_pages(pid_t process, std::uint64_t address, std::uint64_t size,
                           const UseStretch& use);

}  // namespace fcvm::qemu
