// remove_tree of file.hpp: removes a directory tree by way of directory descriptors alone, so that
// nobody who swaps a directory for a symlink meanwhile can lead it elsewhere.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/io/file.hpp"

namespace fcvm::base {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

int open_without_leaving(int parent, const char* name, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
  const long fd = ::syscall(SYS_openat2, parent, name, &how, sizeof how);
  // Seccomp filters older than openat2 refuse it with EPERM.
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
  return ::openat(parent, name, flags);
}

/// The owner may remove what lies in a directory that is closed even to him, such as the work
/// directory of an overlay; chmod goes through the descriptor, so no symlink is followed.
void make_accessible(int parent, const char* name) {
  const Fd fd(open_without_leaving(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return;
  (void)!::chmod(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), 0700);
}

Result<Directory> open_directory(int parent, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (::geteuid() != 0) make_accessible(parent, name.c_str());
  Fd fd(open_without_leaving(parent, name.c_str(), kFlags));
  if (!fd && errno == EXDEV) {
    return fail(EXDEV, "removing " + name + ": it is a mount point", "unmount it first");
  }
  if (!fd) return fail_errno("opening " + name);
  Directory directory(::fdopendir(fd.get()));
  if (!directory) return fail_errno("listing " + name);
  (void)fd.release();
  return directory;
}

Result<void> remove_entry(int parent, const std::string& name);

Result<void> remove_entries(DIR* directory) {
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (entry == nullptr) {
      if (errno != 0) return fail_errno("listing");
      return {};
    }
    const std::string name = entry->d_name;
    if (name != "." && name != "..") FCVM_TRY(remove_entry(::dirfd(directory), name));
  }
}

Result<void> remove_directory(int parent, const std::string& name) {
  {
    const Directory directory = FCVM_TRY(open_directory(parent, name));
    FCVM_TRY(remove_entries(directory.get()) | context("in " + name));
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail_errno("removing directory " + name);
  }
  return {};
}

Result<void> remove_entry(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  const int error = errno;
  // A directory answers EISDIR, and EPERM on other kernels; only a look tells EPERM apart.
  struct stat found {};
  if (::fstatat(parent, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode)) {
    return remove_directory(parent, name);
  }
  return fail(error, "removing " + name + ": " + std::strerror(error));
}

}  // namespace

Result<void> remove_tree_at(int directory, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    return fail(EINVAL, "removing '" + name + "': it is not the name of a directory entry");
  }
  return remove_entry(directory, name);
}

Result<void> remove_tree(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const std::size_t slash = trimmed.rfind('/');
  const bool bare = slash == std::string::npos;
  const std::string parent = bare ? "." : slash == 0 ? "/" : trimmed.substr(0, slash);
  const auto directory = open_file(parent, O_PATH | O_DIRECTORY);
  if (!directory && directory.error().code() == ENOENT) return {};
  if (!directory) return unexpected(Error(directory.error()).context("removing " + path));
  return remove_tree_at(directory->get(), bare ? trimmed : trimmed.substr(slash + 1)) |
         context("removing " + path);
}

}  // namespace fcvm::base
