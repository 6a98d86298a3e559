// Reading and writing through file descriptors; fcvm::Fd, which the SDK shares, owns one.
//
// Every descriptor made here is close-on-exec. The functions that read and write take a plain int,
// since they borrow; they retry EINTR and wait on a descriptor that is non-blocking.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::base {

using fcvm::Fd;

/// open(2) with O_CLOEXEC added.
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0666);
Result<Fd> open_at(int directory, const std::string& name, int flags, mode_t mode = 0666);

/// Reads to the end of the file; fails with EFBIG rather than hold more than `size_limit` bytes.
Result<std::string> read_all(int fd, std::size_t size_limit);
/// One read(2): how many bytes came, 0 at the end of the file.
Result<std::size_t> read_some(int fd, std::span<char> into);
/// Fails with ENODATA when the end comes first.
Result<void> read_exact(int fd, std::span<char> into);
/// On a socket or a pipe whose reader has gone this raises SIGPIPE, which the process must ignore.
Result<void> write_all(int fd, std::string_view bytes);

Result<void> set_nonblocking(int fd, bool nonblocking = true);

}  // namespace fcvm::base
