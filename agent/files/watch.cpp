// See watch.hpp.
#include "agent/files/watch.hpp"

#include <cstring>
#include <memory>
#include <sys/inotify.h>

#include "agent/files/path.hpp"
#include "agent/files/temporary.hpp"
#include "agent/files/tree.hpp"

namespace fcvm::agent {
namespace {

constexpr std::uint32_t kWanted = IN_CREATE | IN_MODIFY | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::size_t kQueuePiece = 64 << 10;

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

bool lies_in(const std::string& path, const std::string& tree) {
  return path == tree || path.starts_with(tree + "/");
}

}  // namespace

Result<Watch> Watch::open(What what, Entries& entries, Answer& answer,
                          std::size_t most_directories) {
  Watch watch(std::move(what), entries, answer, most_directories);
  watch.inotify_ = base::Fd(::inotify_init1(IN_CLOEXEC));
  if (!watch.inotify_) return fail_errno("beginning to watch " + watch.what_.path);
  watch.root_ = ::inotify_add_watch(watch.inotify_.get(), watch.what_.path.c_str(),
                                    kWanted | IN_DELETE_SELF | IN_MOVE_SELF);
  if (watch.root_ < 0) return fail_errno("watching " + watch.what_.path);
  watch.directories_[watch.root_] = "";
  if (watch.what_.recursive) FCVM_TRY(watch.add_below("", false));
  return watch;
}

// The tree is watched before it is looked into: what is made meanwhile is told twice rather than
// not at all.
Result<void> Watch::add_tree(const std::string& relative, bool tells) {
  const std::string path = path_of(relative);
  const int watch =
      directories_.size() < most_directories_
          ? ::inotify_add_watch(inotify_.get(), path.c_str(), kWanted | IN_DONT_FOLLOW)
          : -1;
  if (directories_.size() >= most_directories_ || (watch < 0 && errno == ENOSPC)) {
    return fail(ENOSPC, "watching " + what_.path + ": there are too many directories in it");
  }
  if (watch < 0) return {};  // it has gone, or is not for this user
  directories_[watch] = relative;
  return add_below(relative, tells);
}

Result<void> Watch::add_below(const std::string& relative, bool tells) {
  const auto names = names_in_directory(path_of(relative));
  if (!names) return {};
  for (const auto& name : *names) {
    const std::string inner = below(relative, name);
    struct stat status {};
    if (::lstat(path_of(inner).c_str(), &status) != 0) continue;
    if (tells && !Temporary::is_name_of_one(name)) {
      FCVM_TRY(tell(wire::FileEventKind::kCreate, inner));
      const bool is_written = S_ISREG(status.st_mode) && status.st_size > 0;
      if (is_written) FCVM_TRY(tell(wire::FileEventKind::kWrite, inner));
    }
    if (S_ISDIR(status.st_mode)) FCVM_TRY(add_tree(inner, tells));
  }
  return {};
}

void Watch::forget_tree(const std::string& relative) {
  for (auto one = directories_.begin(); one != directories_.end();) {
    const bool gone = lies_in(one->second, relative);
    if (gone) ::inotify_rm_watch(inotify_.get(), one->first);
    one = gone ? directories_.erase(one) : std::next(one);
  }
}

Result<void> Watch::follow() {
  while (FCVM_TRY(tell_next())) {
  }
  return {};
}

Result<bool> Watch::tell_next() {
  alignas(inotify_event) char queue[kQueuePiece];
  const std::size_t size = FCVM_TRY(base::read_some(inotify_.get(), queue));
  for (std::size_t at = 0; at < size;) {
    const auto& event = *reinterpret_cast<const inotify_event*>(queue + at);
    at += sizeof event + event.len;
    if (!FCVM_TRY(take(event))) return false;
  }
  return true;
}

/// False once the directory itself has gone.
Result<bool> Watch::take(const inotify_event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    FCVM_TRY(tell(wire::FileEventKind::kLost, ""));
    return true;
  }
  const auto directory = directories_.find(event.wd);
  if (directory == directories_.end()) return true;
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) return false;
  if ((event.mask & IN_IGNORED) != 0) {
    directories_.erase(directory);
    return event.wd != root_;
  }
  // Without a name it is about a directory that is watched, whose parent tells the same.
  if (event.len == 0) return true;
  FCVM_TRY(take_named(event, below(directory->second, event.name)));
  return true;
}

Result<void> Watch::take_named(const inotify_event& event, const std::string& name) {
  for (const auto kind : events_.kinds(event.mask, event.cookie, event.name)) {
    FCVM_TRY(tell(kind, name));
  }
  if (what_.recursive && (event.mask & IN_ISDIR) != 0) return take_directory(event, name);
  return {};
}

Result<void> Watch::take_directory(const inotify_event& event, const std::string& name) {
  if ((event.mask & IN_MOVED_FROM) != 0) forget_tree(name);
  if ((event.mask & (IN_CREATE | IN_MOVED_TO)) == 0) return {};
  auto added = add_tree(name, (event.mask & IN_CREATE) != 0);
  if (added || added.error().code() != ENOSPC) return added;
  return tell(wire::FileEventKind::kLost, name);
}

Result<void> Watch::tell(wire::FileEventKind kind, const std::string& relative) {
  using Kind = wire::FileEventKind;
  wire::FileEvent event;
  event.kind = kind;
  event.name = relative;
  if (what_.entries && (kind == Kind::kCreate || kind == Kind::kWrite || kind == Kind::kMode)) {
    if (auto entry = entries_.look_at(path_of(relative))) event.entry = *std::move(entry);
  }
  return answer_.say(event);
}

std::string Watch::path_of(const std::string& relative) const {
  return relative.empty() ? what_.path : joined(what_.path, relative);
}

}  // namespace fcvm::agent
