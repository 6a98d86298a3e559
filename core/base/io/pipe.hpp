// Pipe: owns the two ends of a pipe, both close-on-exec.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

struct Pipe {
  Fd read_end;
  Fd write_end;

  /// `flags` as of pipe2(2), such as O_NONBLOCK.
  static Result<Pipe> create(int flags = 0) {
    int ends[2];
    if (::pipe2(ends, flags | O_CLOEXEC) != 0) return fail_errno("making a pipe");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
  }
};

}  // namespace fcvm::base
