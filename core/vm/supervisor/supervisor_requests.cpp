// What is asked of a supervised VM, over its control socket.
#include <algorithm>
#include <csignal>

#include "core/base/io/socket_pair.hpp"
#include "core/vm/supervisor/process_stats.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

constexpr unsigned bit(Phase phase) { return 1U << static_cast<unsigned>(phase); }
constexpr unsigned kAlways = ~0U;
constexpr unsigned kUp = bit(Phase::kRunning) | bit(Phase::kPaused) | bit(Phase::kSaving);

/// What to do about a phase in which something cannot be done.
std::string remedy_in(Phase phase, const std::string& name) {
  switch (phase) {
    case Phase::kCreated:
    case Phase::kStarting:
    case Phase::kRestoring:
    case Phase::kSaving:
      return "try again in a moment: fcvm ls shows when it runs";
    case Phase::kRunning:
      return "";
    case Phase::kPaused:
      return "fcvm unpause " + name;
    case Phase::kStopping:
    case Phase::kExited:
      return "fcvm wait " + name + " waits for its end";
  }
  return "";
}

}  // namespace

/// A verb, the phases in which it is allowed, and who sees to it. `done` is for the message.
struct Supervisor::Impl::Request {
  const char* verb;
  const char* done;
  unsigned phases;
  void (Impl::*handler)(const ControlRequest& request, ControlServer::Reply reply);
};

std::span<const Supervisor::Impl::Request> Supervisor::Impl::requests() {
  static constexpr Request kAll[] = {
      {"ping", "pinged", kAlways, &Impl::on_ping},
      {"inspect", "inspected", kAlways, &Impl::on_inspect},
      {"stats", "measured", kAlways, &Impl::on_stats},
      {"wait", "waited for", kAlways, &Impl::on_wait},
      {"stop", "stopped", kAlways, &Impl::on_stop},
      {"end", "ended", kAlways, &Impl::on_end},
      {"kill", "killed", kUp | bit(Phase::kStopping), &Impl::on_kill},
      {"pause", "paused", bit(Phase::kRunning), &Impl::on_pause},
      {"unpause", "unpaused", bit(Phase::kPaused), &Impl::on_unpause},
      {"dial", "connected to", kUp, &Impl::on_dial},
      {"dial-tcp", "connected to", kUp, &Impl::on_dial_tcp},
      {"publish", "given ports", kUp, &Impl::on_publish},
      {"unpublish", "deprived of ports", kUp, &Impl::on_publish},
      {"attach", "attached to", kUp, &Impl::on_attach},
  };
  return kAll;
}

void Supervisor::Impl::on_request(const ControlRequest& request, ControlServer::Reply reply) {
  const auto all = requests();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Request& one) { return request.verb == one.verb; });
  if (found == all.end()) {
    return reply(fail(ENOTSUP,
                      fmt::format("this supervisor does not know the verb \"{}\"", request.verb),
                      "the VM was started by another version of fcvm; stop it and start it anew"));
  }
  const bool allowed =
      found->phases == kAlways || ((found->phases & bit(state_.phase)) != 0 && !state_.ending);
  if (allowed) return (this->*found->handler)(request, std::move(reply));
  reply(unexpected(not_now(found->done)));
}

Error Supervisor::Impl::not_now(const char* done) const {
  const Phase phase = state_.ending ? Phase::kStopping : state_.phase;
  return Error(EBUSY,
               fmt::format("VM {} cannot be {}: it is {}", record_.name, done, to_string(phase)),
               remedy_in(phase, record_.name));
}

/// What is done about the event answers, if it takes that upon itself; else it is answered now.
void Supervisor::Impl::ask(const lifecycle::Event& event, ControlServer::Reply reply) {
  asker_ = std::move(reply);
  happen(event);
  take_asker()(ControlAnswer{});
}

/// Whoever asked for what is being done, to be answered once; or nobody.
ControlServer::Reply Supervisor::Impl::take_asker() { return std::exchange(asker_, {}); }

/// Until the VM's end; whoever has left since is forgotten.
void Supervisor::Impl::await_end(ControlServer::Reply reply) {
  std::erase_if(waiting_, [](const auto& one) { return !one.is_awaited(); });
  waiting_.push_back(std::move(reply));
}

void Supervisor::Impl::on_ping(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  reply(ControlAnswer{});
}

void Supervisor::Impl::on_inspect(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  ControlAnswer answer;
  {
    const std::lock_guard lock(record_mutex_);
    answer.record_json = to_json(record_);
  }
  reply(std::move(answer));
}

void Supervisor::Impl::on_stats(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  reply(stats());
}

void Supervisor::Impl::on_wait(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  await_end(std::move(reply));
}

void Supervisor::Impl::on_stop(const ControlRequest& request, ControlServer::Reply reply) {
  await_end(std::move(reply));
  happen(lifecycle::StopAsked{{request.signal == 0 ? SIGTERM : request.signal,
                               std::chrono::milliseconds(request.grace_ms)}});
}

void Supervisor::Impl::on_end(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  await_end(std::move(reply));
  happen(lifecycle::EndAsked{});
}

void Supervisor::Impl::on_kill(const ControlRequest& request, ControlServer::Reply reply) {
  // A container that has ended takes no signal. What it wrote may still be on its way, and waits
  // for nobody then.
  if (state_.phase == Phase::kStopping && request.signal != SIGKILL) {
    return reply(unexpected(not_now("killed")));
  }
  ask(lifecycle::KillAsked{request.signal}, std::move(reply));
}

void Supervisor::Impl::on_pause(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  ask(lifecycle::PauseAsked{}, std::move(reply));
}

void Supervisor::Impl::on_unpause(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  ask(lifecycle::ResumeAsked{}, std::move(reply));
}

void Supervisor::Impl::on_dial(const ControlRequest& request, ControlServer::Reply reply) {
  hand_over([this, port = request.port] { return dial(port, base::Deadline::in(kDialLimit)); },
            std::move(reply));
}

/// Dials on a worker, beside whatever else runs there, and passes the descriptor on.
void Supervisor::Impl::hand_over(std::function<Result<Fd>()> dial, ControlServer::Reply reply) {
  asio::post(diallers_, [this, dial = std::move(dial), reply = std::move(reply)] {
    auto dialled = std::make_shared<Result<Fd>>(dial());
    on_control([reply, dialled] {
      if (!*dialled) return reply(unexpected(dialled->error()));
      ControlAnswer answer;
      answer.fds.push_back(*std::move(*dialled));
      reply(std::move(answer));
    });
  });
}

void Supervisor::Impl::on_attach(const ControlRequest& /*request*/, ControlServer::Reply reply) {
  auto ends = base::SocketPair::create();
  if (!ends) return reply(unexpected(std::move(ends).error()));
  if (auto added = attachments_.add(std::move(ends->first), false); !added) {
    return reply(unexpected(std::move(added).error()));
  }
  output_->wake();
  ControlAnswer answer;
  answer.fds.push_back(std::move(ends->second));
  reply(std::move(answer));
}

Result<ControlAnswer> Supervisor::Impl::stats() {
  if (!state_.machine_runs) return fail(EBUSY, fmt::format("{} has not started yet", record_.name));
  ControlAnswer answer;
  answer.stats = FCVM_TRY(process_stats(record_.vmm.pid));
  answer.stats.memory_limit_bytes = record_.memory_bytes;
  // All of the VM, where the kernel counts it: the helpers of its network are in it, too.
  if (cgroup_.fd() < 0) return answer;
  const CgroupUsage usage = usage_of(record_.cgroup);
  const auto take = [](auto& into, const auto& known) {
    if (known) into = static_cast<std::decay_t<decltype(into)>>(*known);
  };
  take(answer.stats.cpu_ns, usage.cpu_ns);
  take(answer.stats.memory_bytes, usage.memory_bytes);
  take(answer.stats.memory_limit_bytes, usage.memory_limit_bytes);
  take(answer.stats.processes, usage.processes);
  take(answer.stats.read_bytes, usage.read_bytes);
  take(answer.stats.written_bytes, usage.written_bytes);
  return answer;
}

}  // namespace fcvm::vm
