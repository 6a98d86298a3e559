// Accepting exec streams; see exec_service.hpp.
#include "agent/exec_service.hpp"

#include "agent/log.hpp"

namespace fcvm::agent {

void ExecService::serve(base::Fd socket) {
  if (sessions_.size() >= kMaxSessions) return log_line("exec: too many commands at once");
  auto& session = sessions_.add(std::make_unique<ExecSession>(loop_, std::move(socket), resolve_));
  const auto started = session.start([this, &session] { sessions_.end(session); });
  if (!started) {
    log_line(started.error().message());
    sessions_.end(session);
  }
}

}  // namespace fcvm::agent
