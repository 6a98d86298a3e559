// See watch_events.hpp.
#include "agent/files/watch_events.hpp"

#include <algorithm>
#include <sys/inotify.h>

#include "agent/files/temporary.hpp"

namespace fcvm::agent {

std::vector<wire::FileEventKind> WatchEvents::kinds(std::uint32_t mask, std::uint32_t cookie,
                                                    const std::string& name) {
  using Kind = wire::FileEventKind;
  if (Temporary::is_name_of_one(name)) {
    const bool replaces = name.starts_with(Temporary::kForOld);
    if ((mask & IN_MOVED_FROM) != 0) renamed_.push_back({cookie, replaces});
    if (renamed_.size() > kMostRenamed) renamed_.pop_front();
    return {};
  }
  if ((mask & IN_MOVED_TO) != 0) {
    const auto found = std::find_if(renamed_.begin(), renamed_.end(),
                                    [&](const Renamed& one) { return one.cookie == cookie; });
    if (found == renamed_.end()) return {Kind::kCreate};
    const bool is_old = found->replaces;
    renamed_.erase(found);
    if (is_old) return {Kind::kWrite};
    return {Kind::kCreate, Kind::kWrite};
  }
  if ((mask & IN_CREATE) != 0) return {Kind::kCreate};
  if ((mask & IN_MODIFY) != 0) return {Kind::kWrite};
  if ((mask & IN_DELETE) != 0) return {Kind::kRemove};
  if ((mask & IN_MOVED_FROM) != 0) return {Kind::kRename};
  if ((mask & IN_ATTRIB) != 0) return {Kind::kMode};
  return {};
}

}  // namespace fcvm::agent
