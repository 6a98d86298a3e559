// How a container's output is kept, in podman's words: --log-driver and --log-opt.
#pragma once

#include <string>

#include "core/base/io/rotating_file.hpp"

namespace fcvm::vm {

struct LogDriver {
  static constexpr const char* kFile = "k8s-file";
  static constexpr const char* kJournal = "journald";
  static constexpr const char* kNone = "none";
  static constexpr const char* kPassthrough = "passthrough";

  std::string name = kFile;
  base::RotatingFile::Limits limits{};  // of k8s-file
};

}  // namespace fcvm::vm
