// See output_file.hpp.
#include "core/cli/output_file.hpp"

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "core/base/io/fd.hpp"

namespace fcvm::cli {
namespace {

constexpr std::uint64_t kLeastRoom = std::uint64_t{1} << 30;

}  // namespace

Result<OutputFile> OutputFile::open(const std::string& name) {
  struct stat status {};
  if (::stat(name.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return OutputFile(FCVM_TRY(base::open_file(name, O_WRONLY)), name, {});
  }
  std::string beside = name + ".XXXXXX";
  Fd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return fail_errno("writing " + name);
  return OutputFile(std::move(fd), name, std::move(beside));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      name_(std::move(other.name_)),
      beside_(std::exchange(other.beside_, {})) {}

OutputFile::~OutputFile() {
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

Result<void> OutputFile::keep() {
  if (beside_.empty()) return {};
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(fd_.get(), 0666 & ~mask) != 0 || ::fsync(fd_.get()) != 0) {
    return fail_errno("writing " + name_);
  }
  if (::rename(beside_.c_str(), name_.c_str()) != 0) return fail_errno("naming " + name_);
  beside_.clear();
  return {};
}

Result<void> write_leaving_room(int to, std::string_view piece) {
  struct stat status {};
  struct statvfs room {};
  if (::fstat(to, &status) != 0 || ::fstatvfs(to, &room) != 0) {
    return fail_errno("looking for room");
  }
  if (S_ISREG(status.st_mode) && std::uint64_t{room.f_bavail} * room.f_frsize < kLeastRoom) {
    return fail(ENOSPC, "the host's disk is nearly full", "fcvm system df shows what is there");
  }
  return base::write_all(to, piece);
}

}  // namespace fcvm::cli
