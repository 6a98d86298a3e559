// Running a function in a forked child, so that a plugin that crashes or hangs takes nobody with
// it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/framing.hpp"
#include "core/base/process/child.hpp"

namespace fcvm::plugin {

/// A forked child that sends messages until it is done. The child's stdout and stderr are
/// /dev/null: a plugin does not print.
class Isolated {
 public:
  /// A message that is longer than this is not sent.
  static constexpr std::size_t kLargestMessage = 4 << 20;
  using Send = std::function<void(std::string_view message)>;

  /// `body` runs in the child, which exits when it returns. Call this from a process with one
  /// thread: the child gets only the calling one.
  [[nodiscard]] static Result<Isolated> start(const std::function<void(const Send&)>& body);

  /// The next message. ETIMEDOUT at the deadline, and the child is killed; EPIPE when it ended
  /// without one, and the error says how ("crashed with signal 11 (Segmentation fault)").
  [[nodiscard]] Result<std::string> receive(base::Deadline deadline);

 private:
  Isolated(base::Child child, base::Fd from);

  base::Child child_;
  base::Fd from_;
  base::FrameReader frames_;
};

}  // namespace fcvm::plugin
