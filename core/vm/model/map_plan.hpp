// MapPlan: a directory of the host's that the container sees. Owns nothing.
#pragma once

#include <string>

namespace fcvm::vm {

struct MapPlan {
  std::string host;       // a directory, absolute
  std::string container;  // where it is seen
  bool read_only = false;
};

}  // namespace fcvm::vm
