// What is asked of a supervised VM, over its control socket or by itself.
#include <algorithm>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/vm/supervisor/process_stats.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

/// What a guest that did not do as it was told gets to write back, where its disk stays.
constexpr auto kForcedQuiesceLimit = 2s;

}  // namespace

void Supervisor::Impl::on_request(const ControlRequest& request, ControlServer::Reply reply) {
  if (request.verb == "ping") return reply(ControlAnswer{});
  if (request.verb == "wait") return waiting_.push_back(std::move(reply));
  if (request.verb == "inspect") {
    ControlAnswer answer;
    {
      const std::lock_guard lock(record_mutex_);
      answer.record_json = to_json(record_);
    }
    return reply(std::move(answer));
  }
  if (request.verb == "stats") return reply(stats());
  if (request.verb == "end") {
    waiting_.push_back(std::move(reply));
    kill_vmm();
    return end_by_force(0ms);
  }
  if (request.verb == "stop") {
    waiting_.push_back(std::move(reply));
    const auto grace = std::chrono::milliseconds(request.grace_ms);
    if (phase_ == Phase::kStarting) return on_signal(SIGTERM);
    return stop_container(request.signal == 0 ? SIGTERM : request.signal, grace);
  }
  if (request.verb == "kill" && request.signal == SIGKILL && phase_ == Phase::kStopping) {
    end_within(kKillLimit);  // its container has ended, its output has not
    return reply(ControlAnswer{});
  }
  if ((phase_ != Phase::kRunning && phase_ != Phase::kPaused) || tearing_down_) {
    return reply(fail(EBUSY, fmt::format("{} is {}", record_.name, to_string(phase_))));
  }
  if (request.verb == "kill") return signal_container(request.signal, std::move(reply));
  if (request.verb == "pause") return set_paused(true, std::move(reply));
  if (request.verb == "unpause") return set_paused(false, std::move(reply));
  if (request.verb == "dial") return dial_for(request.port, std::move(reply));
  if (request.verb == "dial-tcp") return dial_tcp_for(request.port, std::move(reply));
  if (request.verb == "publish" || request.verb == "unpublish") {
    return publish_ports(request, std::move(reply));
  }
  if (request.verb == "attach") return attach(reply);
  reply(fail(ENOTSUP, fmt::format("this supervisor does not know the verb \"{}\"", request.verb),
             "the VM was started by another version of fcvm; stop it and start it anew"));
}

void Supervisor::Impl::stop_container(int signal, std::chrono::milliseconds grace) {
  if (tearing_down_) return;
  end_within(signal == SIGKILL ? kKillLimit : grace + kStopSlack);
  if (exit_code_) return;  // its output has not ended
  if (phase_ == Phase::kPaused) {
    return set_paused(false, [this, signal, grace](const auto& resumed) {
      if (resumed || phase_ != Phase::kPaused) stop_container(signal, grace);
    });
  }
  on_worker([this, signal, grace] {
    wire::StopContainer request;
    request.signal = signal;
    request.grace_ms =
        static_cast<std::uint32_t>(std::min<std::int64_t>(grace.count(), UINT32_MAX));
    auto asked = control_->request(request, base::Deadline::in(kRequestLimit));
    // The stream broke, as it may after a pause. A container that was told twice to stop stops.
    if (!asked && (asked.error().code() == ECONNRESET || asked.error().code() == EPIPE)) {
      asked = control_->request(request, base::Deadline::in(kRequestLimit));
    }
    if (asked) return;
    // A guest that does not answer gets no further grace.
    if (asked.error().code() == ECANCELED) return;
    on_control([this] { end_by_force(kForcedQuiesceLimit); });
    log::warning("vm", "stopping the container: {}", asked.error().message());
  });
  log_happening(signal == SIGKILL ? "kill" : "stop");
}

/// The earliest of the limits that were set counts.
void Supervisor::Impl::end_within(std::chrono::milliseconds limit) {
  const auto at = std::chrono::steady_clock::now() + limit;
  if (ends_at_ && *ends_at_ <= at) return;
  ends_at_ = at;
  end_timer_.expires_at(at);
  end_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || tearing_down_) return;
    // What it says about it may have to wait for whoever reads it.
    end_by_force(kForcedQuiesceLimit);
    change_record([](Record& record) {
      if (record.error.empty()) record.error = "its guest did not end the container in time";
    });
    log::warning("vm", "the guest of VM {} did not end its container in time: the VM is ended",
                 record_.name);
    log_happening("kill", {{"reason", "the guest did not end its container in time"}});
  });
}

/// What a container that was killed has for an exit code, unless its own came before.
void Supervisor::Impl::end_by_force(std::chrono::milliseconds quiesce_limit) {
  if (!exit_code_) exit_code_ = 128 + SIGKILL;
  quiesce_limit_ = quiesce_limit;
  tear_down();
}

/// Whatever the worker is waiting for then breaks off.
void Supervisor::Impl::kill_vmm_after(std::chrono::milliseconds limit) {
  end_timer_.expires_after(limit);
  end_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) kill_vmm();
  });
}

void Supervisor::Impl::kill_vmm() {
  if (vmm_pidfd_) ::syscall(SYS_pidfd_send_signal, vmm_pidfd_.get(), SIGKILL, nullptr, 0);
}

void Supervisor::Impl::signal_container(int signal, ControlServer::Reply reply) {
  // Signals of our own and of clients come until the very end; there may be no GuestControl by
  // then.
  if (tearing_down_) return reply(fail(EBUSY, fmt::format("{} is ending", record_.name)));
  if (signal == SIGKILL) end_within(kKillLimit);
  on_worker([this, signal, reply = std::move(reply)] {
    auto done =
        control_->request(wire::SignalContainer{0, signal}, base::Deadline::in(kRequestLimit));
    if (signal == SIGKILL) done = {};  // whatever the guest says: the host sees to it
    on_control([reply, done = std::move(done)] {
      reply(done ? Result<ControlAnswer>(ControlAnswer{}) : unexpected(done.error()));
    });
  });
  log_happening("kill", {{"signal", std::to_string(signal)}});
}

void Supervisor::Impl::set_paused(bool paused, ControlServer::Reply reply) {
  const Phase from = paused ? Phase::kRunning : Phase::kPaused;
  if (phase_ != from) {
    return reply(fail(EINVAL, fmt::format("{} is {}", record_.name, to_string(phase_))));
  }
  on_worker([this, paused, reply = std::move(reply)] {
    auto& machine = launch_->machine();
    const auto deadline = base::Deadline::in(kRequestLimit);
    auto done = paused ? machine.pause(deadline) : machine.resume(deadline);
    on_control([this, paused, reply, done = std::move(done)] {
      if (!done) return reply(unexpected(done.error()));
      enter(paused ? Phase::kPaused : Phase::kRunning);
      log_happening(paused ? "pause" : "unpause");
      reply(ControlAnswer{});
    });
  });
}

void Supervisor::Impl::dial_for(std::uint32_t port, ControlServer::Reply reply) {
  hand_over([this, port] { return dial(port, base::Deadline::in(kDialLimit)); }, std::move(reply));
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

void Supervisor::Impl::attach(const ControlServer::Reply& reply) {
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
  if (!machine_runs_) return fail(EBUSY, fmt::format("{} has not started yet", record_.name));
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
