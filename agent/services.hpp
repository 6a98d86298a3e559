// Services: what the host can reach in a guest, each behind a port. Owns them.
#pragma once

#include "agent/boot/life.hpp"
#include "agent/maps/map_session.hpp"
#include "agent/maps/maps.hpp"
#include "agent/session/control_service.hpp"
#include "agent/session/exec_session.hpp"
#include "agent/session/forward_session.hpp"
#include "agent/session/output_service.hpp"
#include "agent/session/sessions.hpp"

namespace fcvm::agent {

class Services {
 public:
  Services(Loop& loop, System& system)
      : loop_(loop),
        output_(loop),
        maps_(loop),
        life_(loop, system, events_, output_, maps_),
        control_(loop, life_, events_),
        exec_(loop),
        forward_(loop),
        map_sessions_(loop) {}

  void serve(std::uint32_t port, base::Fd socket);

 private:
  static constexpr std::size_t kMostCommands = 512;

  void serve_exec(base::Fd socket);
  void serve_forward(base::Fd socket);
  void serve_map(base::Fd socket);

  Loop& loop_;
  EventLog events_;
  OutputService output_;
  Maps maps_;
  Life life_;
  ControlService control_;
  ExecSession::Resolve resolve_ = [this](const wire::ExecRequest& request) {
    return life_.resolve(request);
  };
  Sessions<ExecSession> exec_;
  Sessions<ForwardSession> forward_;
  Sessions<MapSession> map_sessions_;
};

}  // namespace fcvm::agent
