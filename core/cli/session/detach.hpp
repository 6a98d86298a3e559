// Leaving the terminal: the caller waits until the detached process says that it runs, or why not.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::cli {

/// The detached process's line to the one that waits for it.
class DetachedLine {
 public:
  explicit DetachedLine(Fd to) : to_(std::move(to)) {}

  /// Either lets the waiting process go. Only the first call counts.
  void succeeded(const std::string& text);
  void failed(const Error& error);

 private:
  void send(char tag, const std::string& text);

  Fd to_;
};

/// Forks. In the child, which has a session of its own and no terminal, gives the line; the parent
/// does not return from here before the child has spoken, then prints what it said, or reports its
/// error, and exits.
[[nodiscard]] Result<DetachedLine> detach();

}  // namespace fcvm::cli
