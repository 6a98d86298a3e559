// Services: what the host can reach in a guest, each behind a port. Owns them.
#pragma once

#include "agent/control_service.hpp"
#include "agent/exec_service.hpp"
#include "agent/forward_service.hpp"
#include "agent/life.hpp"
#include "agent/output_service.hpp"

namespace fcvm::agent {

class Services {
 public:
  Services(Loop& loop, System& system)
      : output_(loop),
        life_(loop, system, events_, output_),
        control_(loop, life_, events_),
        exec_(loop, [this](const wire::ExecRequest& request) { return life_.resolve(request); }),
        forward_(loop) {}

  void serve(std::uint32_t port, base::Fd socket);

 private:
  EventLog events_;
  OutputService output_;
  Life life_;
  ControlService control_;
  ExecService exec_;
  ForwardService forward_;
};

}  // namespace fcvm::agent
