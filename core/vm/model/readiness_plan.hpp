// What has to hold before a VM is ready: decided before it begins, and asked once its container
// runs.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace fcvm::vm {

/// One condition, which a plugin of the kind readiness waits for.
struct Gate {
  std::string text;    // as the user gave it: "mode=http,url=http://localhost/"
  std::string plugin;  // "readiness.http"
  std::vector<std::pair<std::string, std::string>> settings;  // its options
};

/// All gates have to pass, within the limit from when the container runs. None: it is ready then.
struct ReadinessPlan {
  std::vector<Gate> gates;
  std::chrono::milliseconds limit{};
};

}  // namespace fcvm::vm
