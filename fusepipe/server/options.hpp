// What a server serves, and how.
#pragma once

#include <string>

#include "fusepipe/server/id_map.hpp"

namespace fcvm::fusepipe {

enum class Cache {
  kNone,    // the kernel asks each time
  kAuto,    // it may remember, and looks again soon
  kAlways,  // nobody else changes the directory: it remembers, and writes back when it likes
};

struct ServeOptions {
  std::string directory;
  bool read_only = false;
  Cache cache = Cache::kAuto;
  IdMap users;
  IdMap groups;
};

}  // namespace fcvm::fusepipe
