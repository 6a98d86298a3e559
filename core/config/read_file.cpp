#include "core/config/read_file.hpp"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fcvm::config {

namespace {

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Opening a FIFO or a device must neither block nor do anything.
Result<void> check_regular(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at it");
  if (S_ISDIR(status.st_mode)) return fail(EISDIR, "is a directory, not a file");
  if (!S_ISREG(status.st_mode)) return fail(EINVAL, "is not a regular file");
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return fail_errno("cannot be read");
  FCVM_TRY(check_regular(file.get()));
  std::string text;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot be read");
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kLargestFile) {
      return fail(EFBIG, "is larger than 1 MiB, which no configuration is");
    }
  }
}

}  // namespace fcvm::config
