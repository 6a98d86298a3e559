// CopyOrder: asks the exec port for a copy in place of a command. The tar archive is the stream's
// stdout (out of the guest) or stdin (into it). On stderr are remarks, a line each; when the exit
// code is not 0, the last line is the reason.
#pragma once

#include <cstdint>
#include <string>

#include "core/wire/message.hpp"

namespace fcvm::wire {

/// In Hello::abilities of an agent that takes a CopyOrder.
constexpr char kCopyAbility[] = "copy";

enum class CopyDirection : std::uint8_t { kNone = 0, kOut = 1, kIn = 2 };

struct CopyOrder {
  CopyDirection direction = CopyDirection::kNone;
  std::string path;  // as the user wrote it; relative to the container's working directory
  std::string name;  // what the source is called; empty: the archive's own names, into a directory
  bool overwrite = false;
  bool keep_owner = false;  // into the guest; else all becomes the container's user's

  FCVM_FIELDS(visit(1, self.direction); visit(2, self.path); visit(3, self.name);
              visit(4, self.overwrite); visit(5, self.keep_owner);)
};

}  // namespace fcvm::wire
