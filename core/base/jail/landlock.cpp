// See landlock.hpp. The kernel's words are spelled out here, since headers of a distribution may be
// older than the kernel that runs.
#include "core/base/jail/landlock.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace fcvm::base {

namespace {

struct RulesetAttributes {
  std::uint64_t handled_files;
  std::uint64_t handled_network;
  std::uint64_t scoped;
};

struct __attribute__((packed)) BeneathAttributes {
  std::uint64_t allowed;
  std::int32_t parent;
};

constexpr unsigned kAskVersion = 1;
constexpr int kPathBeneath = 1;

constexpr std::uint64_t kExecuteFile = 1ULL << 0;
constexpr std::uint64_t kWriteFile = 1ULL << 1;
constexpr std::uint64_t kReadFile = 1ULL << 2;
constexpr std::uint64_t kReadDirectory = 1ULL << 3;
constexpr std::uint64_t kRefer = 1ULL << 13;        // version 2
constexpr std::uint64_t kTruncate = 1ULL << 14;     // version 3
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;  // version 5
constexpr std::uint64_t kFirstVersion = (1ULL << 13) - 1;

/// What may be said of a file that is not a directory.
constexpr std::uint64_t kOfFiles = kExecuteFile | kWriteFile | kReadFile | kTruncate | kIoctlDevice;

constexpr std::uint64_t kScopeAll = 3;  // abstract Unix sockets and signals; version 6

std::uint64_t handled_by(int version) {
  std::uint64_t handled = kFirstVersion;
  if (version >= 2) handled |= kRefer;
  if (version >= 3) handled |= kTruncate;
  if (version >= 5) handled |= kIoctlDevice;
  return handled;
}

std::uint64_t rights(Landlock::Access access) {
  constexpr std::uint64_t kReading = kReadFile | kReadDirectory;
  switch (access) {
    case Landlock::Access::kRead:
      return kReading;
    case Landlock::Access::kExecute:
      return kReading | kExecuteFile;
    case Landlock::Access::kWrite:
      return ~kExecuteFile;
  }
  return 0;
}

}  // namespace

int Landlock::version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  return version < 0 ? 0 : static_cast<int>(version);
}

Result<Landlock> Landlock::create() {
  const int version = Landlock::version();
  RulesetAttributes attributes{};
  attributes.handled_files = handled_by(version);
  std::size_t size = sizeof attributes.handled_files;
  if (version >= 6) {
    attributes.scoped = kScopeAll;
    size = sizeof attributes;
  }
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset && (errno == EPERM || errno == EACCES)) {
    // A container's seccomp filter from before there was Landlock.
    return fail(ENOSYS, "making a Landlock ruleset: it is not permitted here");
  }
  if (!ruleset) return fail_errno("making a Landlock ruleset");
  return Landlock(std::move(ruleset));
}

Result<void> Landlock::allow(const std::string& path, Access access) {
  const Fd fd = FCVM_TRY(open_file(path, O_PATH));
  return allow(fd.get(), access) | context(path);
}

Result<void> Landlock::allow(int fd, Access access) {
  if (!extend(ruleset_.get(), fd, access)) return fail_errno("allowing it by Landlock");
  return {};
}

bool Landlock::extend(int ruleset, int fd, Access access) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  BeneathAttributes rule{rights(access) & handled_by(version()), fd};
  if (!S_ISDIR(status.st_mode)) rule.allowed &= kOfFiles;
  return ::syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &rule, 0) == 0;
}

bool Landlock::enforce(int ruleset) noexcept {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

Result<void> Landlock::enforce() const {
  if (!enforce(ruleset_.get())) return fail_errno("confining this process by Landlock");
  return {};
}

}  // namespace fcvm::base
