// ExecService: runs commands for the host, one per stream; see core/wire/exec.hpp.
//
// Owns the sessions. A session whose stream breaks hangs up its command, as a lost terminal does.
#pragma once

#include <functional>

#include "agent/exec_session.hpp"
#include "agent/sessions.hpp"

namespace fcvm::agent {

class ExecService {
 public:
  /// Says how to run what was asked for: in the container, as whom, with what environment.
  using Resolve = ExecSession::Resolve;

  ExecService(Loop& loop, Resolve resolve)
      : loop_(loop), resolve_(std::move(resolve)), sessions_(loop) {}

  void serve(base::Fd socket);

 private:
  static constexpr std::size_t kMaxSessions = 512;

  Loop& loop_;
  Resolve resolve_;
  Sessions<ExecSession> sessions_;
};

}  // namespace fcvm::agent
