// See fd.hpp.
#include "core/base/io/fd.hpp"

#include <algorithm>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "core/base/io/fd_name.hpp"
#include "core/base/io/poll.hpp"

namespace fcvm::base {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<Fd> open_at(int directory, const std::string& name, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::openat(directory, name.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_errno("opening " + name);
  return Fd(fd);
}

Result<std::size_t> read_some(int fd, std::span<char> into) {
  for (;;) {
    const ssize_t got = ::read(fd, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (would_block(errno)) {
      FCVM_TRY(wait_readable(fd, Deadline::never()));
    } else if (errno != EINTR) {
      return fail_errno("reading " + fd_name(fd));
    }
  }
}

Result<std::string> read_all(int fd, std::size_t size_limit) {
  constexpr std::size_t kChunk = 64 * 1024;
  std::string bytes;
  for (;;) {
    const std::size_t had = bytes.size();
    // One byte more than the limit, to tell a file of exactly the limit from a larger one.
    bytes.resize(had + std::min(kChunk, size_limit - had + (size_limit < SIZE_MAX ? 1 : 0)));
    const std::size_t got = FCVM_TRY(read_some(fd, std::span(bytes).subspan(had)));
    bytes.resize(had + got);
    if (got == 0) return bytes;
    if (bytes.size() > size_limit) {
      return fail(EFBIG, "reading " + fd_name(fd) + ": more than the " +
                             std::to_string(size_limit) + " bytes allowed");
    }
  }
}

Result<void> read_exact(int fd, std::span<char> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t got = FCVM_TRY(read_some(fd, into.subspan(done)));
    if (got == 0) {
      return fail(ENODATA, "reading " + fd_name(fd) + ": it ended after " + std::to_string(done) +
                               " of " + std::to_string(into.size()) + " bytes");
    }
    done += got;
  }
  return {};
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (would_block(errno)) {
      FCVM_TRY(wait_writable(fd, Deadline::never()));
    } else if (errno != EINTR) {
      return fail_errno("writing " + fd_name(fd));
    }
  }
  return {};
}

Result<void> set_nonblocking(int fd, bool nonblocking) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return fail_errno("reading the flags of " + fd_name(fd));
  const int wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0) {
    return fail_errno("setting O_NONBLOCK of " + fd_name(fd));
  }
  return {};
}

}  // namespace fcvm::base
