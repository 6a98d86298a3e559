// See shared_writer.hpp.
#include "core/base/io/shared_writer.hpp"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd_name.hpp"

namespace fcvm::base {
namespace {

/// A file always takes everything; what does not say what it is is treated as a pipe.
std::size_t step_for(int fd) {
  struct stat status {};
  const bool is_file = fd >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  return is_file ? SIZE_MAX : PIPE_BUF;
}

bool is_writable(int fd) {
  pollfd polled{fd, POLLOUT, 0};
  return ::poll(&polled, 1, 0) > 0;
}

}  // namespace

SharedWriter::SharedWriter(int fd) : fd_(fd), step_(step_for(fd)) {}

Result<std::size_t> SharedWriter::write_ready(std::string_view bytes) const {
  std::size_t done = 0;
  while (done < bytes.size() && is_writable(fd_)) {
    const ssize_t count = ::write(fd_, bytes.data() + done, std::min(step_, bytes.size() - done));
    if (count > 0) done += static_cast<std::size_t>(count);
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0 && errno != EINTR) return fail_errno("writing " + fd_name(fd_));
  }
  return done;
}

Result<void> SharedWriter::put(std::string_view bytes) {
  if (fd_ < 0) return {};
  if (empty()) bytes.remove_prefix(FCVM_TRY(write_ready(bytes)));
  waiting_.append(bytes);
  return {};
}

Result<void> SharedWriter::flush() {
  begin_ += FCVM_TRY(write_ready(std::string_view(waiting_).substr(begin_)));
  if (!empty()) return {};
  waiting_.clear();
  begin_ = 0;
  return {};
}

void SharedWriter::close() {
  fd_ = -1;
  waiting_.clear();
  begin_ = 0;
}

}  // namespace fcvm::base
