// fcvm::Fd: the unique owner of a file descriptor, shared by the SDK and the core.
#pragma once

#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fcvm/result.hpp>

namespace fcvm {

class [[nodiscard]] Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return valid(); }
  /// Gives up ownership.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ >= 0) ::close(release());
  }
  /// Closes now and says whether it worked, which matters after writing: a network file system may
  /// fail only here. The descriptor is gone either way; closing an empty Fd succeeds.
  Result<void> close() {
    // Linux frees the number even when close fails, EINTR included: trying again would close the
    // descriptor of another thread.
    if (valid() && ::close(release()) != 0 && errno != EINTR) {
      return fail_errno("closing a file descriptor");
    }
    return {};
  }
  [[nodiscard]] Result<Fd> duplicate() const {
    const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return fail_errno("duplicating a file descriptor");
    return Fd(copy);
  }

 private:
  int fd_ = -1;
};

}  // namespace fcvm
