// See services.hpp.
#include "agent/services.hpp"

#include "agent/log.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::agent {

void Services::serve(std::uint32_t port, base::Fd socket) {
  switch (port) {
    case wire::kControlPort:
      return control_.serve(std::move(socket));
    case wire::kOutputPort:
      return output_.serve(std::move(socket));
    case wire::kExecPort:
      return serve_exec(std::move(socket));
    case wire::kForwardPort:
      return serve_forward(std::move(socket));
    case wire::kFusePort:
      return serve_map(std::move(socket));
    default:
      log_line("nothing listens on guest port " + std::to_string(port));
  }
}

// A session whose stream breaks hangs up its command, as a lost terminal does.
void Services::serve_exec(base::Fd socket) {
  if (exec_.size() >= kMostCommands) return log_line("exec: too many commands at once");
  auto& session = exec_.add(std::make_unique<ExecSession>(loop_, std::move(socket), resolve_));
  const auto started = session.start([this, &session] { exec_.end(session); });
  if (!started) {
    log_line(started.error().message());
    exec_.end(session);
  }
}

void Services::serve_forward(base::Fd socket) {
  auto& session = forward_.add(std::make_unique<ForwardSession>(loop_, std::move(socket)));
  if (!session.start([this, &session] { forward_.end(session); })) forward_.end(session);
}

void Services::serve_map(base::Fd socket) {
  auto& session = map_sessions_.add(std::make_unique<MapSession>(loop_, std::move(socket), maps_));
  if (!session.start([this, &session] { map_sessions_.end(session); })) {
    map_sessions_.end(session);
  }
}

}  // namespace fcvm::agent
