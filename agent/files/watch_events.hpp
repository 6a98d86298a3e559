// WatchEvents: what an event of inotify's is to somebody who watches a directory. Owns what it
// remembers of files that are being written: their temporary names are told to nobody, and the
// rename of one is a write.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/wire/files.hpp"

namespace fcvm::agent {

class WatchEvents {
 public:
  /// Of an entry called `name`, in the words of inotify(7).
  std::vector<wire::FileEventKind> kinds(std::uint32_t mask, std::uint32_t cookie,
                                         const std::string& name);

 private:
  /// A temporary file that was moved away from its name: where to is told next.
  struct Renamed {
    std::uint32_t cookie;
    bool replaces;
  };
  static constexpr std::size_t kMostRenamed = 64;

  std::deque<Renamed> renamed_;
};

}  // namespace fcvm::agent
