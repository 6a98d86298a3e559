// See content.hpp.
#include "agent/files/content.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <unistd.h>

#include "agent/files/path.hpp"
#include "agent/files/temporary.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kPiece = 256 << 10;
constexpr mode_t kNewMode = 0644;

// Of no regular file anybody knows when it ends, or what opening it does.
Result<void> check_regular(const std::string& path, const struct stat& status) {
  if (S_ISDIR(status.st_mode)) return fail(EISDIR, path + " is a directory");
  if (!S_ISREG(status.st_mode)) return fail(EINVAL, path + " is not a regular file");
  return {};
}

Result<void> transfer(int from, int to) {
  const auto buffer = std::make_unique<char[]>(kPiece);
  for (;;) {
    const std::size_t got = FCVM_TRY(base::read_some(from, {buffer.get(), kPiece}));
    if (got == 0) return {};
    FCVM_TRY(base::write_all(to, {buffer.get(), got}));
  }
}

/// What is to be written, where a link leads, and what is there now.
struct Target {
  std::string path;
  std::optional<struct stat> old;
};

Result<Target> find_target(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  struct stat status {};
  if (!real) {
    if (errno != ENOENT) return fail_errno("finding " + path);
    if (::lstat(path.c_str(), &status) != 0) return Target{path, std::nullopt};
    return fail(ENOENT, path + " is a link that leads nowhere");
  }
  if (::stat(real.get(), &status) != 0) return fail_errno("looking at " + path);
  FCVM_TRY(check_regular(path, status));
  // A rename asks only for permission in the directory.
  if (::faccessat(AT_FDCWD, real.get(), W_OK, AT_EACCESS) != 0) {
    return fail_errno("writing " + path);
  }
  return Target{real.get(), status};
}

Result<void> write_in_place(const std::string& path, int from) {
  base::Fd file =
      FCVM_TRY(base::open_file(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  FCVM_TRY(transfer(from, file.get()));
  return file.close();
}

/// It is a mount, as podman's /etc/hosts is, or another's in a directory where all may make files.
bool must_stay(const Error& error) {
  return error.code() == EBUSY || error.code() == EPERM || error.code() == EACCES;
}

Result<void> write_anew(const Target& target, Temporary temporary, int from) {
  FCVM_TRY(transfer(from, temporary.fd()));
  const mode_t mode = target.old ? target.old->st_mode & 0777U : kNewMode;
  if (::fchmod(temporary.fd(), mode) != 0) return fail_errno("setting the permissions");
  auto replaced = temporary.become(target.path);
  if (replaced || !target.old || !must_stay(replaced.error())) return replaced;
  if (::lseek(temporary.fd(), 0, SEEK_SET) != 0) return fail_errno("reading it again");
  return write_in_place(target.path, temporary.fd());
}

Result<void> write_target(const Target& target, int from) {
  auto temporary = Temporary::create(directory_of(target.path), target.old.has_value());
  if (temporary) return write_anew(target, *std::move(temporary), from);
  if (target.old && must_stay(temporary.error())) return write_in_place(target.path, from);
  return Unexpected(temporary.error());
}

}  // namespace

Result<void> read_content(const std::string& path, Entries& entries, Answer& answer) {
  const auto file = FCVM_TRY(base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + path);
  FCVM_TRY(check_regular(path, status));
  FCVM_TRY(answer.say(entries.describe(path, status)));
  const auto buffer = std::make_unique<char[]>(kPiece);
  for (;;) {
    const std::size_t got =
        FCVM_TRY(base::read_some(file.get(), {buffer.get(), kPiece}) | context("reading " + path));
    if (got == 0) return {};
    FCVM_TRY(answer.say_bytes({buffer.get(), got}));
  }
}

Result<void> write_content(const std::string& path, int from, Entries& entries, Answer& answer) {
  if (path == "/") return fail(EISDIR, "/ is a directory");
  FCVM_TRY(base::make_directories(directory_of(path)));
  const Target target = FCVM_TRY(find_target(path));
  FCVM_TRY(write_target(target, from) | context("writing " + path));
  const auto entry = FCVM_TRY(entries.look_at(path));
  return answer.say(entry);
}

}  // namespace fcvm::agent
