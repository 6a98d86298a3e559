// See beneath.hpp.
#include "core/copy/beneath.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fcvm::copy {

Result<std::string> clean_name(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const auto part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(part.size() + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return fail(EPERM, "an entry leads out of the destination by \"..\"");
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

Result<base::Fd> Beneath::open_directory(int from, const std::string& name) const {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (links_ == Links::kRefuse) {
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  }
  base::Fd opened(static_cast<int>(::syscall(SYS_openat2, from, name.c_str(), &how, sizeof how)));
  if (opened) return opened;
  if (errno == ELOOP) {
    return fail(ELOOP, name + " leads through a symbolic link",
                "remove the link, or name where it leads as the destination");
  }
  return fail_errno("entering " + name);
}

Result<base::Fd> Beneath::open_parent(const std::string& name, bool make) const {
  auto opened = open_directory(directory_.get(), name);
  if (opened || !make || opened.error().code() != ENOENT) return opened;
  base::Fd at = FCVM_TRY(directory_.duplicate());
  for (std::size_t begin = 0; begin < name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    if (::mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      return fail_errno("making the directory " + name.substr(0, end));
    }
    at = FCVM_TRY(open_directory(at.get(), part));
    begin = end + 1;
  }
  return at;
}

Result<Beneath::Place> Beneath::find(const std::string& name, bool make) {
  const auto slash = name.rfind('/');
  if (slash == std::string::npos) return Place{directory_.get(), name};
  const std::string parent = name.substr(0, slash);
  if (!parent_ || parent != parent_name_) {
    parent_ = FCVM_TRY(open_parent(parent, make));
    parent_name_ = parent;
  }
  return Place{parent_.get(), name.substr(slash + 1)};
}

bool Beneath::is_directory(const Place& place) const {
  struct stat status {};
  const int flags = links_ == Links::kRefuse ? AT_SYMLINK_NOFOLLOW : 0;
  return ::fstatat(place.parent, place.leaf.c_str(), &status, flags) == 0 &&
         S_ISDIR(status.st_mode);
}

}  // namespace fcvm::copy
