// What is asked of a supervised VM, over its control socket.
#include <algorithm>
#include <csignal>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <variant>

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

/// A verb, the phases in which it is allowed, and what it does to a VM, for the message.
struct Rule {
  std::string_view verb;
  const char* done;
  unsigned phases;
};

constexpr Rule kRules[] = {
    {ask::Stats::kVerb, "measured", kAlways},
    {ask::Wait::kVerb, "waited for", kAlways},
    {ask::Stop::kVerb, "stopped", kAlways},
    {ask::End::kVerb, "ended", kAlways},
    {ask::Kill::kVerb, "killed", kUp | bit(Phase::kStopping)},
    {ask::Restart::kVerb, "restarted", bit(Phase::kRunning)},
    {ask::Balloon::kVerb, "asked for memory", bit(Phase::kRunning) | bit(Phase::kPaused)},
    {ask::Rename::kVerb, "renamed", kAlways},
    {ask::Pause::kVerb, "paused", bit(Phase::kRunning)},
    {ask::Unpause::kVerb, "unpaused", bit(Phase::kPaused)},
    {ask::Dial::kVerb, "connected to", kUp},
    {ask::DialTcp::kVerb, "connected to", kUp},
    {ask::Publish::kVerb, "given ports", kUp},
    {ask::Unpublish::kVerb, "deprived of ports", kUp},
    {ask::Attach::kVerb, "attached to", kUp},
    {ask::Save::kVerb, "saved", bit(Phase::kRunning)},
};
static_assert(std::size(kRules) == std::variant_size_v<ask::Request>, "a rule for each request");

const Rule& rule_of(std::string_view verb) {
  return *std::find_if(std::begin(kRules), std::end(kRules),
                       [&](const Rule& rule) { return rule.verb == verb; });
}

}  // namespace

void Supervisor::Impl::on_request(const ask::Request& request, ControlServer::Asker asker) {
  std::visit(
      [&](const auto& one) {
        ReplyTo<std::decay_t<decltype(one)>> reply(std::move(asker));
        const Rule& rule = rule_of(one.kVerb);
        const bool allowed =
            rule.phases == kAlways || ((rule.phases & bit(state_.phase)) != 0 && !state_.ending);
        if (!allowed) return reply(unexpected(not_now(rule.done)));
        on(one, std::move(reply));
      },
      request);
}

Error Supervisor::Impl::not_now(const char* done) const {
  const Phase phase = state_.ending ? Phase::kStopping : state_.phase;
  return Error(EBUSY,
               fmt::format("VM {} cannot be {}: it is {}", record_->name(), done, to_string(phase)),
               remedy_in(phase, record_->name()));
}

/// What is done about the event answers, if it takes that upon itself; else it is answered now.
void Supervisor::Impl::ask(const lifecycle::Event& event, Reply<ask::Done> reply) {
  asker_ = std::move(reply);
  happen(event);
  take_asker()(ask::Done{});
}

/// Whoever asked for what is being done, to be answered once; or nobody.
Supervisor::Impl::Reply<ask::Done> Supervisor::Impl::take_asker() {
  return std::exchange(asker_, {});
}

/// Until the VM's end; whoever has left since is forgotten.
void Supervisor::Impl::await_end(Reply<ask::Exit> reply) {
  std::erase_if(waiting_, [](const auto& one) { return !one.is_awaited(); });
  waiting_.push_back(std::move(reply));
}

void Supervisor::Impl::on(const ask::Stats& /*request*/, Reply<LiveStats> reply) { reply(stats()); }

void Supervisor::Impl::on(const ask::Wait& /*request*/, Reply<ask::Exit> reply) {
  await_end(std::move(reply));
}

void Supervisor::Impl::on(const ask::Stop& request, Reply<ask::Exit> reply) {
  await_end(std::move(reply));
  happen(lifecycle::StopAsked{{request.signal, request.grace}});
}

void Supervisor::Impl::on(const ask::End& /*request*/, Reply<ask::Exit> reply) {
  await_end(std::move(reply));
  happen(lifecycle::EndAsked{});
}

void Supervisor::Impl::on(const ask::Kill& request, Reply<ask::Done> reply) {
  // A container that has ended takes no signal. What it wrote may still be on its way, and waits
  // for nobody then.
  if (state_.phase == Phase::kStopping && request.signal != SIGKILL) {
    return reply(unexpected(not_now("killed")));
  }
  ask(lifecycle::KillAsked{request.signal}, std::move(reply));
}

void Supervisor::Impl::on(const ask::Restart& request, Reply<ask::Done> reply) {
  std::erase_if(restarting_, [](const auto& one) { return !one.is_awaited(); });
  restarting_.push_back(std::move(reply));
  happen(lifecycle::RestartAsked{{request.signal, request.grace}});
}

void Supervisor::Impl::on(const ask::Balloon& request, Reply<BalloonFigures> reply) {
  on_worker([this, bytes = request.bytes, reply = std::move(reply)] {
    auto answer = [&]() -> Result<BalloonFigures> {
      const auto deadline = base::Deadline::in(kRequestLimit);
      if (bytes) FCVM_TRY(launch_->machine().set_balloon(*bytes, deadline));
      const auto figures = FCVM_TRY(launch_->machine().balloon(deadline));
      return BalloonFigures{.memory_bytes = plan_.memory_bytes,
                            .target_bytes = figures.target_bytes,
                            .actual_bytes = figures.actual_bytes,
                            .guest_reports = (figures.flags & FCVM_BALLOON_GUEST_REPORTS) != 0,
                            .total_bytes = figures.total_bytes,
                            .free_bytes = figures.free_bytes,
                            .available_bytes = figures.available_bytes,
                            .cache_bytes = figures.cache_bytes};
    }();
    on_control([reply, answer = std::move(answer)] { reply(answer); });
  });
}

/// Under the lock of those who add VMs, so that nobody takes the name meanwhile.
void Supervisor::Impl::on(const ask::Rename& request, Reply<ask::Done> reply) {
  on_worker([this, name = request.name, reply = std::move(reply)] {
    auto renamed = [&]() -> Result<void> {
      const auto lock = FCVM_TRY(context_.store.lock_all());
      FCVM_TRY(context_.store.check_free_name(record_->id(), name));
      return record_->change([&](Record& record) { record.name = name; });
    }();
    if (renamed) record_->tell("rename");
    on_control([reply, renamed = std::move(renamed)] {
      if (!renamed) return reply(unexpected(renamed.error()));
      reply(ask::Done{});
    });
  });
}

void Supervisor::Impl::on(const ask::Pause& /*request*/, Reply<ask::Done> reply) {
  ask(lifecycle::PauseAsked{}, std::move(reply));
}

void Supervisor::Impl::on(const ask::Unpause& /*request*/, Reply<ask::Done> reply) {
  if (state_.disk_is_full) {
    return reply(fail(ENOSPC,
                      fmt::format("VM {} waits for room on the host's disk", record_->name()),
                      "make room in the file system of " + disks_directory() +
                          "; one that was paused for that goes on by itself then"));
  }
  ask(lifecycle::ResumeAsked{}, std::move(reply));
}

void Supervisor::Impl::on(const ask::Dial& request, Reply<ask::Stream> reply) {
  hand_over([this, port = request.port](base::Deadline deadline) { return dial(port, deadline); },
            request.within, std::move(reply));
}

/// Dials on a worker, beside whatever else runs there, and passes the descriptor on. `within`
/// counts from now, and not from when a worker is free: one who has given up keeps none from
/// others.
void Supervisor::Impl::hand_over(std::function<Result<Fd>(base::Deadline)> dial,
                                 std::chrono::milliseconds within, Reply<ask::Stream> reply) {
  const auto deadline = base::Deadline::in(std::min<std::chrono::milliseconds>(within, kDialLimit));
  diallers_.post([this, deadline, dial = std::move(dial), reply = std::move(reply)] {
    auto dialled = std::make_shared<Result<Fd>>(
        deadline.expired() ? fail(ETIMEDOUT, "others were being connected to the VM until now")
                           : dial(deadline));
    on_control([reply, dialled] {
      if (!*dialled) return reply(unexpected(dialled->error()));
      reply(ask::Stream{*std::move(*dialled)});
    });
  });
}

void Supervisor::Impl::on(const ask::DialTcp& request, Reply<ask::Stream> reply) {
  hand_over([this, port = request.port](
                base::Deadline deadline) { return networking_->dial(port, deadline); },
            request.within, std::move(reply));
}

/// `work`, on the worker, gives the ports of the answer.
template <typename Work>
void Supervisor::Impl::answer_ports(Reply<ask::Ports> reply, Work work) {
  on_worker([this, work, reply = std::move(reply)] {
    auto done = work();
    on_control([reply, done = std::move(done)] {
      if (!done) return reply(unexpected(done.error()));
      reply(ask::Ports{*done});
    });
  });
}

void Supervisor::Impl::on(const ask::Publish& request, Reply<ask::Ports> reply) {
  answer_ports(std::move(reply),
               [this, ports = request.ports] { return networking_->publish(ports); });
}

void Supervisor::Impl::on(const ask::Unpublish& request, Reply<ask::Ports> reply) {
  answer_ports(std::move(reply),
               [this, ports = request.ports] { return networking_->unpublish(ports); });
}

void Supervisor::Impl::on(const ask::Attach& /*request*/, Reply<ask::Stream> reply) {
  auto attached = streams_.attach();
  if (!attached) return reply(unexpected(std::move(attached).error()));
  reply(ask::Stream{*std::move(attached)});
}

void Supervisor::Impl::on(const ask::Save& request, Reply<ask::Saved> reply) {
  if (state_.ends_at) return reply(unexpected(not_now("saved")));
  if (state_.between || state_.restart_asked) {
    return reply(fail(EBUSY, "its container is being started again", "try again once it runs"));
  }
  if (plan_.hugepages) {
    return reply(fail(ENOTSUP, "its memory is of huge pages, which no snapshot can have yet",
                      "run it without --hugepages"));
  }
  if (!plan_.maps.empty()) {
    return reply(fail(ENOTSUP, "it maps directories of the host, which no snapshot can have yet",
                      "run it without --volume"));
  }
  save_asker_ = {request, std::move(reply)};
  happen(lifecycle::SaveAsked{});
}

Result<LiveStats> Supervisor::Impl::stats() {
  if (!state_.machine_runs)
    return fail(EBUSY, fmt::format("{} has not started yet", record_->name()));
  const auto [vmm, accelerator] = record_->look(
      [](const Record& record) { return std::pair(record.vmm.pid, record.accelerator); });
  LiveStats stats = FCVM_TRY(process_stats(vmm, networking_ ? networking_->tap() : ""));
  // What it is meant to need at most, though nothing may hold it to that.
  stats.memory_limit_bytes =
      CgroupLimits::of_guest(plan_.memory_bytes, plan_.cpus, accelerator != "kvm").memory_bytes;
  // All of the VM, where the kernel counts it: the helpers of its network are in it, too.
  if (cgroup_.fd() < 0) return stats;
  const CgroupUsage usage = usage_of(cgroup_.place());
  const auto take = [](auto& into, const auto& known) {
    if (known) into = static_cast<std::decay_t<decltype(into)>>(*known);
  };
  take(stats.cpu_ns, usage.cpu_ns);
  take(stats.memory_bytes, usage.memory_bytes);
  take(stats.memory_limit_bytes, usage.memory_limit_bytes);
  take(stats.processes, usage.processes);
  take(stats.read_bytes, usage.read_bytes);
  take(stats.written_bytes, usage.written_bytes);
  return stats;
}

}  // namespace fcvm::vm
