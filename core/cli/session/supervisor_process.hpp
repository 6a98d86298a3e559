// The VM's supervisor in a process of its own, without the terminal: so that this process can leave
// and the container go on.
#pragma once

#include <functional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/cli/session/session.hpp"

namespace fcvm::cli {

/// The supervisor's line to the process that waits for it to be on its way.
class DetachedLine {
 public:
  explicit DetachedLine(Fd to) : to_(std::move(to)) {}

  /// Each lets the waiting process go. Only the first call counts. `notes`, whole lines, go to
  /// standard error.
  void succeeded(const std::string& text, const std::string& notes = "");
  void failed(const Error& error);
  /// The command could not be started: podman's exit code, and what it said.
  void refused(int exit_code, const std::string& why);

 private:
  void send(char tag, const std::string& text);

  Fd to_;
};

/// Returns in both processes. The child calls `supervise`, with nothing of the terminal, and
/// returns its answer; an error has gone to this process already. This process does not wait for
/// the VM: it calls `then` with the text of which the line said that it succeeded, or returns its
/// error.
[[nodiscard]] Result<int> supervise_detached(
    const std::function<Result<int>(DetachedLine& line)>& supervise,
    const std::function<Result<int>(const std::string& text)>& then);

/// `supervise` runs in a child, which keeps stderr for what it has to say while somebody is there,
/// and has the other end of the stream of our session; it tells its outcome through that. The exit
/// code, once the supervisor has ended or was left.
[[nodiscard]] Result<int> supervise_attached(
    SessionOptions options, const std::function<Result<int>(Fd attached)>& supervise);

}  // namespace fcvm::cli
