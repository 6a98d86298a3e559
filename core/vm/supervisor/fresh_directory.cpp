// See fresh_directory.hpp.
#include "core/vm/supervisor/fresh_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::vm {
namespace {

/// Out of `from` into `to`; what is not there, or is a link to what all VMs share, is left.
Result<void> move_file(int from, int to, const std::string& name) {
  const base::Fd file(::openat(from, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return fail_errno("looking at " + name);
  if (S_ISLNK(status.st_mode)) return {};
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1) {
    return fail(EPERM, name + " is no plain file any more: its VMM has replaced it",
                "fcvm rm the VM");
  }
  // One whose supervisor was killed belongs to the VM's own user still.
  if (status.st_uid != ::geteuid() &&
      ::fchownat(file.get(), "", ::geteuid(), ::getegid(), AT_EMPTY_PATH) != 0) {
    return fail_errno("taking " + name + " back from the VM's user");
  }
  if (::renameat(from, name.c_str(), to, name.c_str()) == 0) return {};
  return fail_errno("keeping " + name);
}

}  // namespace

Result<void> fresh_directory(const std::filesystem::path& directory,
                             const std::vector<std::string>& keep) {
  const std::filesystem::path old = directory.string() + ".old";
  struct stat status {};
  // One that is there already is of a start that was killed here: some files have been moved.
  const bool goes_on = ::lstat(old.c_str(), &status) == 0;
  if (!goes_on && ::rename(directory.c_str(), old.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("setting " + directory.string() + " aside");
  }
  FCVM_TRY(base::make_directories(directory.string(), 0700));
  const auto from = base::open_file(old.string(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!from && from.error().code() == ENOENT) return {};
  if (!from) return unexpected(from.error());
  const base::Fd to = FCVM_TRY(base::open_file(directory.string(), O_RDONLY | O_DIRECTORY));
  for (const auto& name : keep) FCVM_TRY(move_file(from->get(), to.get(), name));
  return base::remove_tree(old.string());
}

}  // namespace fcvm::vm
