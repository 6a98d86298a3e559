// FcvmCommand: fcvm's own verbs as child processes, for what a sandbox is started, saved and ended
// with: what a verb does, undoes and says is the same for a user and for the API.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"

namespace fcvm::api {

class FcvmCommand {
 public:
  /// What becomes of a child that is still at work when this process ends, or is killed: it goes on
  /// to its own end, or is interrupted, and undoes what it has done.
  enum class WithServer { kGoesOn, kEnds };

  /// `global` are the options that stand before each verb: those that this process was given.
  explicit FcvmCommand(std::string program, std::vector<std::string> global = {})
      : program_(std::move(program)), global_(std::move(global)) {}

  /// What it prints, without the last newline. Its error is the error that comes back.
  [[nodiscard]] Result<std::string> run(const std::vector<std::string>& words,
                                        base::Deadline deadline,
                                        WithServer end = WithServer::kGoesOn) const;

 private:
  std::string program_;
  std::vector<std::string> global_;
};

/// The last error in what fcvm said with --log-format json; EIO with the last line where there is
/// none.
[[nodiscard]] Error error_in(const std::string& said);

}  // namespace fcvm::api
