// See tree.hpp.
#include "agent/files/tree.hpp"

#include <algorithm>
#include <cstdio>
#include <dirent.h>
#include <memory>

#include "agent/files/path.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<void> tell_names(const std::string& path, const std::vector<std::string>& names,
                        std::uint32_t depth, Entries& entries, Answer& answer) {
  for (const auto& name : names) {
    const auto entry = entries.look_at(joined(path, name));
    if (!entry) continue;  // it has gone meanwhile
    FCVM_TRY(answer.say(*entry));
    if (entry->kind != wire::FileKind::kDirectory || depth < 2) continue;
    const auto below = names_in_directory(entry->path);
    if (below) FCVM_TRY(tell_names(entry->path, *below, depth - 1, entries, answer));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> names_in_directory(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) return fail_errno("opening the directory " + path);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return fail_errno("reading the directory " + path);
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> list_directory(const std::string& path, std::uint32_t depth, Entries& entries,
                            Answer& answer) {
  const auto names = FCVM_TRY(names_in_directory(path));
  return tell_names(path, names, depth, entries, answer);
}

Result<void> make_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return fail(EEXIST, "the directory " + path + " exists already");
    return fail(ENOTDIR, path + " exists already, and is not a directory");
  }
  return base::make_directories(path);
}

Result<void> move_file(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::lstat(from.c_str(), &status) != 0) return fail_errno("looking at " + from);
  FCVM_TRY(base::make_directories(directory_of(to)));
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return fail_errno("moving " + from + " to " + to);
  }
  return {};
}

Result<void> remove_file(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return fail_errno("looking at " + path);
  if (path == "/") return fail(EINVAL, "removing /: it is the root of the container");
  return base::remove_tree(path);
}

}  // namespace fcvm::agent
