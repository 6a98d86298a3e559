// See lock.hpp.
#include "plugins/image/common/lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>

#include "core/base/io/fd.hpp"

namespace fcvm::archive {

namespace {

/// Whether the locked file is still the one of that name.
bool still_named(int fd, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/// True when locked, false when another holds it or the file went away meanwhile.
Result<bool> try_lock(int fd, const std::string& path, Lock::Mode mode) {
  const int operation = mode == Lock::Mode::kExclusive ? LOCK_EX : LOCK_SH;
  while (::flock(fd, operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return fail_errno("locking " + path);
  }
  return still_named(fd, path);
}

}  // namespace

Result<std::optional<Lock>> Lock::try_existing(const std::string& path, Mode mode) {
  auto fd = base::open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!fd && fd.error().code() == ENOENT) return std::optional<Lock>();
  if (!fd) return unexpected(std::move(fd).error());
  if (!FCVM_TRY(try_lock(fd->get(), path, mode))) return std::optional<Lock>();
  return std::optional<Lock>(Lock(*std::move(fd), {}));
}

Result<std::optional<Lock>> Lock::try_make(const std::string& path) {
  Fd fd = FCVM_TRY(base::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (!FCVM_TRY(try_lock(fd.get(), path, Mode::kExclusive))) return std::optional<Lock>();
  return std::optional<Lock>(Lock(std::move(fd), path));
}

Result<Lock> Lock::make(const std::string& path, const Call& call) {
  for (;;) {
    auto lock = FCVM_TRY(try_make(path));
    if (lock) return *std::move(lock);
    FCVM_TRY(call.sleep(std::chrono::milliseconds(20)));
  }
}

}  // namespace fcvm::archive
