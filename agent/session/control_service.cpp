// See control_service.hpp.
#include "agent/session/control_service.hpp"

#include <utility>

#include "agent/log.hpp"

namespace fcvm::agent {
namespace {

void answer(Stream& stream, std::uint64_t id, const Result<void>& result) {
  wire::Done done;
  done.id = id;
  if (!result) {
    done.code = result.error().code();
    done.message = result.error().message();
    log_line(done.message);
  }
  stream.send(wire::encode(done));
}

}  // namespace

ControlService::ControlService(Loop& loop, Guest& guest, EventLog& events)
    : loop_(loop), guest_(guest), events_(events), sessions_(loop) {
  events_.listen([this] { tell_all(); });
}

void ControlService::serve(base::Fd socket) {
  auto& session = sessions_.add(std::make_unique<Session>(loop_, std::move(socket)));
  const auto started = session.stream.start(
      {[this, &session](const wire::Frame& frame) { return on_frame(session, frame); },
       [this, &session] { sessions_.end(session); },
       {}});
  if (!started) return sessions_.end(session);
  session.greeting.say(session.stream);
}

void ControlService::tell(Session& session) {
  if (!session.attached) return;
  const auto& events = events_.events();
  while (session.told < events.size()) session.stream.send(wire::encode(events[session.told++]));
  if (std::exchange(session.told_health, events_.health_count()) == events_.health_count()) return;
  session.stream.send(wire::encode(events_.health()));
}

void ControlService::tell_all() {
  sessions_.each([this](Session& session) { tell(session); });
}

Result<void> ControlService::on_frame(Session& session, const wire::Frame& frame) {
  if (FCVM_TRY(session.greeting.take(frame))) return {};
  if (frame.type != wire::Attach::kType) return on_request(session, frame);
  const auto after = FCVM_TRY(wire::decode<wire::Attach>(frame)).after_event;
  session.told = after == wire::kFrozenEvent ? events_.marked() : after;
  session.attached = true;
  tell(session);
  return {};
}

Result<void> ControlService::on_request(Session& session, const wire::Frame& frame) {
  Stream& to = session.stream;
  switch (frame.type) {
    case wire::Boot::kType: {
      auto request = FCVM_TRY(wire::decode<wire::Boot>(frame));
      answer(to, request.id, guest_.boot(std::move(request.plan)));
      return {};
    }
    case wire::SignalContainer::kType: {
      const auto request = FCVM_TRY(wire::decode<wire::SignalContainer>(frame));
      answer(to, request.id, guest_.signal_container(request.signal));
      return {};
    }
    case wire::StopContainer::kType: {
      const auto request = FCVM_TRY(wire::decode<wire::StopContainer>(frame));
      answer(to, request.id,
             guest_.stop_container(request.own_signal ? 0 : request.signal, request.grace_ms));
      return {};
    }
    case wire::RestartContainer::kType: {
      const auto request = FCVM_TRY(wire::decode<wire::RestartContainer>(frame));
      answer(to, request.id, guest_.restart_container(request.signal, request.grace_ms));
      return {};
    }
    case wire::ReleaseContainer::kType:
      answer(to, FCVM_TRY(wire::decode<wire::ReleaseContainer>(frame)).id,
             guest_.release_container());
      return {};
    case wire::Quiesce::kType:
      answer(to, FCVM_TRY(wire::decode<wire::Quiesce>(frame)).id, guest_.quiesce());
      return {};
    case wire::Freeze::kType:
      answer(to, FCVM_TRY(wire::decode<wire::Freeze>(frame)).id, guest_.freeze());
      return {};
    case wire::Resumed::kType: {
      const auto request = FCVM_TRY(wire::decode<wire::Resumed>(frame));
      answer(to, request.id, guest_.resumed(request));
      return {};
    }
    case wire::PowerOff::kType: {
      const auto request = FCVM_TRY(wire::decode<wire::PowerOff>(frame));
      answer(to, request.id, guest_.power_off(request.grace_ms));
      return {};
    }
    default:
      return fail(EPROTO, "control: unknown request " + std::to_string(frame.type));
  }
}

}  // namespace fcvm::agent
