// See lease.hpp.
#include "plugins/net/veth/lease.hpp"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::net {

namespace {

constexpr std::size_t kNoteSize = 64;

off_t place_of_note(std::uint64_t number) { return static_cast<off_t>(number * kNoteSize); }

}  // namespace

Result<std::optional<Lease>> Lease::try_take(const std::string& path, std::uint64_t number) {
  Fd file = FCVM_TRY(base::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(number);
  lock.l_len = 1;
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) == 0) {
    return std::optional<Lease>(Lease(number, std::move(file)));
  }
  if (errno == EAGAIN || errno == EACCES) return std::optional<Lease>();
  return fail_errno("locking " + path);
}

Result<std::string> Lease::note() const {
  std::array<char, kNoteSize> bytes{};
  if (::pread(file_.get(), bytes.data(), bytes.size() - 1, place_of_note(number_)) < 0) {
    return fail_errno("reading who had an address before");
  }
  return std::string(bytes.data());
}

Result<void> Lease::write_note(const std::string& text) {
  std::array<char, kNoteSize> bytes{};
  if (text.size() >= bytes.size()) return fail(EINVAL, "\"" + text + "\" is too long for a note");
  text.copy(bytes.data(), text.size());
  const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(), place_of_note(number_));
  if (written != static_cast<ssize_t>(bytes.size())) return fail_errno("noting who has an address");
  return {};
}

Result<std::string> namespace_directory(const std::string& directory) {
  struct stat status {};
  if (::stat("/proc/thread-self/ns/net", &status) != 0) {
    return fail_errno("looking at the network namespace");
  }
  const std::string path = directory + "/" + std::to_string(status.st_ino);
  FCVM_TRY(base::make_directories(path, 0700) | remedy("run fcvm as root"));
  return path;
}

}  // namespace fcvm::net
