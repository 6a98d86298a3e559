// ControlService: takes the host's requests and tells it the events; see core/wire/control.hpp.
//
// Owns the connections, not the guest: what a request means is the Guest's to know.
#pragma once

#include "agent/loop.hpp"
#include "agent/session/event_log.hpp"
#include "agent/session/sessions.hpp"
#include "agent/transport/greeting.hpp"
#include "agent/transport/stream.hpp"
#include "core/wire/control.hpp"

namespace fcvm::agent {

/// What the host can ask of a guest. Each returns once it is begun; events tell the rest.
class Guest {
 public:
  virtual ~Guest() = default;
  virtual Result<void> boot(wire::BootPlan plan) = 0;
  virtual Result<void> signal_container(int signal) = 0;
  /// 0: with the container's own.
  virtual Result<void> stop_container(int signal, std::uint32_t grace_ms) = 0;
  virtual Result<void> restart_container(int signal, std::uint32_t grace_ms) = 0;
  virtual Result<void> release_container() = 0;
  virtual Result<void> quiesce() = 0;
  virtual Result<void> freeze() = 0;
  virtual Result<void> resumed(const wire::Resumed& news) = 0;
  virtual Result<void> power_off(std::uint32_t grace_ms) = 0;
};

class ControlService {
 public:
  ControlService(Loop& loop, Guest& guest, EventLog& events);

  void serve(base::Fd socket);

 private:
  struct Session {
    Session(Loop& loop, base::Fd socket)
        : stream(loop, std::move(socket), wire::kMaxControlRequest) {}
    Stream stream;
    Greeting greeting;
    bool attached = false;
    std::uint64_t told = 0;  // the number of the last event sent
    std::uint64_t told_health = 0;
  };

  Result<void> on_frame(Session& session, const wire::Frame& frame);
  Result<void> on_request(Session& session, const wire::Frame& frame);
  void tell(Session& session);
  void tell_all();

  Loop& loop_;
  Guest& guest_;
  EventLog& events_;
  Sessions<Session> sessions_;
};

}  // namespace fcvm::agent
