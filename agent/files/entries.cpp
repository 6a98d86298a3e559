// See entries.hpp.
#include "agent/files/entries.hpp"

#include <climits>
#include <unistd.h>

#include "agent/container/accounts.hpp"
#include "agent/container/container_files.hpp"
#include "agent/files/path.hpp"

namespace fcvm::agent {
namespace {

wire::FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return wire::FileKind::kFile;
  if (S_ISDIR(mode)) return wire::FileKind::kDirectory;
  if (S_ISLNK(mode)) return wire::FileKind::kLink;
  return wire::FileKind::kOther;
}

std::string target_of(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : std::string();
}

const std::string& name_in(std::map<std::uint32_t, std::string>& known, std::uint32_t id,
                           const char* file) {
  const auto [name, is_new] = known.try_emplace(id);
  if (is_new) {
    name->second = name_of_id(id, read_below("/", file));
    if (name->second.empty()) name->second = std::to_string(id);
  }
  return name->second;
}

}  // namespace

wire::FileEntry Entries::describe(const std::string& path, const struct stat& status) {
  wire::FileEntry entry;
  entry.name = last_name(path);
  entry.path = path;
  entry.kind = kind_of(status.st_mode);
  entry.size = static_cast<std::uint64_t>(status.st_size);
  entry.mode = status.st_mode & 07777U;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.owner = name_in(owners_, status.st_uid, "etc/passwd");
  entry.group = name_in(groups_, status.st_gid, "etc/group");
  entry.modified_seconds = status.st_mtim.tv_sec;
  entry.modified_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  return entry;
}

Result<wire::FileEntry> Entries::look_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return fail_errno("looking at " + path);
  auto entry = describe(path, status);
  if (entry.kind == wire::FileKind::kLink) entry.link = target_of(path);
  return entry;
}

}  // namespace fcvm::agent
