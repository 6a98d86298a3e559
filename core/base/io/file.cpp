// See file.hpp; remove_tree is in remove_tree.cpp.
#include "core/base/io/file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace fcvm::base {

namespace {

struct SplitPath {
  std::string directory;
  std::string name;
};

SplitPath split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// A file being written under a name nobody looks for; removed unless it was moved into place.
class Replacement {
 public:
  static Result<Replacement> create(int directory, const std::string& for_name) {
    for (;;) {
      std::uint64_t random = 0;
      if (::getrandom(&random, sizeof random, 0) != sizeof random) {
        return fail_errno("drawing a random name");
      }
      // The name is cut, since a long one with our suffix could exceed what the file system allows.
      std::string name = "." + for_name.substr(0, 100) + "." + std::to_string(random) + ".tmp";
      auto fd = open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
      if (fd) return Replacement(directory, std::move(name), *std::move(fd));
      if (fd.error().code() != EEXIST) return unexpected(std::move(fd).error());
    }
  }
  Replacement(Replacement&& other) noexcept
      : directory_(other.directory_),
        name_(std::exchange(other.name_, {})),
        fd_(std::move(other.fd_)) {}
  Replacement& operator=(Replacement&&) = delete;
  ~Replacement() {
    if (!name_.empty()) ::unlinkat(directory_, name_.c_str(), 0);
  }

  Result<void> fill(std::string_view bytes, mode_t mode) {
    FCVM_TRY(write_all(fd_.get(), bytes));
    if (::fchmod(fd_.get(), mode) != 0) return fail_errno("setting the mode");
    if (::fsync(fd_.get()) != 0) return fail_errno("flushing to disk");
    return fd_.close();
  }

  Result<void> move_to(const std::string& name) {
    if (::renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0) {
      return fail_errno("moving the new file into place");
    }
    name_.clear();
    return {};
  }

 private:
  Replacement(int directory, std::string name, Fd fd)
      : directory_(directory), name_(std::move(name)), fd_(std::move(fd)) {}

  int directory_;
  std::string name_;
  Fd fd_;
};

Result<void> replace(const SplitPath& at, std::string_view bytes, mode_t mode) {
  if (at.name.empty() || at.name == "." || at.name == "..") {
    return fail(EISDIR, "the path names a directory");
  }
  const Fd directory = FCVM_TRY(open_file(at.directory, O_RDONLY | O_DIRECTORY));
  Replacement replacement = FCVM_TRY(Replacement::create(directory.get(), at.name));
  FCVM_TRY(replacement.fill(bytes, mode));
  FCVM_TRY(replacement.move_to(at.name));
  // Some file systems cannot sync a directory and say EINVAL; there is nothing more to do there.
  if (::fsync(directory.get()) != 0 && errno != EINVAL) {
    return fail_errno("flushing the directory to disk");
  }
  return {};
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  const int error = errno;
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return fail(ENOTDIR, "making directory " + path + ": a file has that name");
  }
  errno = error;
  return fail_errno("making directory " + path);
}

/// flock has no timeout, and a timer's signal would be the whole process's business: so it asks
/// again, ever less often.
Result<void> lock_by(int fd, int operation, Deadline deadline) {
  auto pause = std::chrono::milliseconds(1);
  for (;;) {
    const int wait_flag = deadline.is_never() ? 0 : LOCK_NB;
    if (::flock(fd, operation | wait_flag) == 0) return {};
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail_errno("flock");
    if (deadline.expired()) return fail(ETIMEDOUT, "another process holds the lock");
    std::this_thread::sleep_for(std::min<Deadline::Nanoseconds>(pause, deadline.remaining()));
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
}

}  // namespace

Result<Fd> open_regular_file(const std::string& path) {
  Fd file = FCVM_TRY(open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + path);
  if (!S_ISREG(status.st_mode)) return fail(EINVAL, path + " is not a regular file");
  return file;
}

Result<std::string> read_file(const std::string& path, std::size_t size_limit) {
  const Fd fd = FCVM_TRY(open_file(path, O_RDONLY));
  return read_all(fd.get(), size_limit) | context("reading " + path);
}

Result<void> write_file_atomic(const std::string& path, std::string_view bytes, mode_t mode) {
  return replace(split(path), bytes, mode) | context("writing " + path);
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    FCVM_TRY(make_directory(path.substr(0, end), mode));
  }
  if (!path.empty() && path.back() == '/') return {};
  return make_directory(path, mode);
}

Result<FileLock> FileLock::acquire(const std::string& path, Deadline deadline, Mode mode) {
  Fd fd = FCVM_TRY(open_file(path, O_RDWR | O_CREAT, 0600) | context("locking " + path));
  const int operation = mode == Mode::kExclusive ? LOCK_EX : LOCK_SH;
  FCVM_TRY(lock_by(fd.get(), operation, deadline) | context("locking " + path));
  return FileLock(std::move(fd));
}

}  // namespace fcvm::base
