// What is done about what happened: the actions of lifecycle.hpp.
#include <algorithm>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "core/plugin/blame.hpp"
#include "core/vm/model/run_plan_json.hpp"
#include "core/vm/model/saved_plan.hpp"
#include "core/vm/supervisor/supervisor_impl.hpp"

namespace fcvm::vm {
namespace {

constexpr auto kClockLimit = 2s;
/// For a guest that is slow, since its host has just written its memory.
constexpr auto kGoOnLimit = 60s;
constexpr auto kGoOnPause = 100ms;
/// For a VMM to write its memory, and for its disks to be copied where blocks cannot be shared.
constexpr auto kSaveLimit = 10min;

/// Once more when the stream to the guest broke, as it may after a pause.
template <typename Request>
Result<void> again_if_broken(Request request) {
  const Result<void> done = request();
  const bool broken = !done && (done.error().code() == ECONNRESET || done.error().code() == EPIPE);
  return broken ? request() : done;
}

Result<ask::Done> done_or_why(const Result<void>& done) {
  return done ? Result<ask::Done>(ask::Done{}) : unexpected(done.error());
}

}  // namespace

void Supervisor::Impl::perform(const lifecycle::Launch& /*action*/) {
  space_watch_->start();
  tell_stage("preparing image and network");
  on_worker([this] { launch(); });
}

/// What follows waits for the worker, which may be waiting for a guest that never comes.
void Supervisor::Impl::perform(const lifecycle::CancelLaunch& /*action*/) {
  networking_->stop();
  launch_->cancel();
}

void Supervisor::Impl::perform(const lifecycle::AnnounceStart& action) {
  streams_.let_in(plan_.container.tty, plan_.container.interactive);
  if (!action.began) return;
  record_->tell("start");
  if (context_.on_started) context_.on_started(record_->copy());
}

void Supervisor::Impl::perform(const lifecycle::AwaitGates& /*action*/) {
  if (context_.on_stage && plan_.detached) context_.on_stage("waiting until it is ready");
  gates_ = std::make_unique<Gates>(
      plan_.readiness,
      Gates::Callbacks{
          [this](std::size_t index) { on_control([this, index] { on_gate_passed(index); }); },
          [this](const Result<void>& done) {
            on_control([this, done] {
              if (done) return happen(lifecycle::GatesPassed{});
              happen(lifecycle::GateFailed{not_ready(done.error().message())});
            });
          }});
  const plugin::Services services{.process = &processes_,
                                  .guest = &*guest_service_,
                                  .state = &*recorded_,
                                  .progress = context_.progress};
  const auto begun = gates_->start(context_, services, record_->id(), record_->name());
  if (!begun) happen(lifecycle::GateFailed{begun.error()});
}

void Supervisor::Impl::perform(const lifecycle::CancelGates& /*action*/) {
  if (gates_) gates_->cancel();
}

void Supervisor::Impl::perform(const lifecycle::AnnounceReady& /*action*/) {
  if (rules_.ready_limit) record_->tell("ready");
  if (context_.on_ready) context_.on_ready(record_->copy());
}

void Supervisor::Impl::perform(const lifecycle::AskToStop& action) {
  on_worker([this, stop = action.stop] {
    wire::StopContainer request;
    request.own_signal = stop.signal == 0;
    if (!request.own_signal) request.signal = stop.signal;
    request.grace_ms =
        static_cast<std::uint32_t>(std::min<std::int64_t>(stop.grace.count(), UINT32_MAX));
    // A container that was told twice to stop stops.
    const auto asked = again_if_broken(
        [&] { return control_->request(request, base::Deadline::in(kRequestLimit)); });
    if (asked || asked.error().code() == ECANCELED) return;
    // A guest that does not answer gets no further grace.
    on_control([this] { happen(lifecycle::StopRefused{}); });
    log::warning("vm", "stopping the container: {}", asked.error().message());
  });
}

void Supervisor::Impl::perform(const lifecycle::SignalContainer& action) {
  on_worker([this, signal = action.signal, reply = take_asker()] {
    auto done =
        control_->request(wire::SignalContainer{0, signal}, base::Deadline::in(kRequestLimit));
    if (signal == SIGKILL) done = {};  // whatever the guest answers: the host sees to it
    on_control([reply, done = std::move(done)] { reply(done_or_why(done)); });
  });
}

void Supervisor::Impl::perform(const lifecycle::RestartContainer& action) {
  on_worker([this, stop = action.stop] {
    wire::RestartContainer request;
    request.signal = stop.signal;
    request.grace_ms =
        static_cast<std::uint32_t>(std::min<std::int64_t>(stop.grace.count(), UINT32_MAX));
    auto asked = control_->request(request, base::Deadline::in(kRequestLimit));
    if (asked) return;
    on_control([this, why = asked.error()] {
      happen(lifecycle::RestartRefused{Error(why).context("restarting the container")});
    });
  });
}

void Supervisor::Impl::perform(const lifecycle::ReleaseContainer& /*action*/) {
  on_worker([this] {
    const auto done =
        control_->request(wire::ReleaseContainer{}, base::Deadline::in(kRequestLimit));
    if (!done) log::debug("vm", "{}", done.error().message());
  });
}

void Supervisor::Impl::perform(const lifecycle::AnnounceRestart& /*action*/) {
  record_->note([&](Record& record) {
    record.started_ns = now_ns();
    record.restarts = state_.restarts;
  });
  record_->tell("restart");
  for (const auto& reply : std::exchange(restarting_, {})) reply(ask::Done{});
}

void Supervisor::Impl::perform(const lifecycle::Pause& /*action*/) {
  on_worker([this, reply = take_asker()] {
    auto done = launch_->machine().pause(base::Deadline::in(kRequestLimit));
    on_control([this, reply, done = std::move(done)] {
      happen(lifecycle::Paused{done.has_value()});
      reply(done_or_why(done));
    });
  });
}

void Supervisor::Impl::perform(const lifecycle::Resume& /*action*/) {
  on_worker([this, reply = take_asker()] {
    auto done = launch_->machine().resume(base::Deadline::in(kRequestLimit));
    if (const auto told = done ? tell_time() : done; done && !told) {
      log::warning("vm", "setting the guest's clock: {}", told.error().message());
    }
    on_control([this, reply, done = std::move(done)] {
      if (!done) log::warning("vm", "resuming the VM: {}", done.error().message());
      happen(lifecycle::Resumed{done.has_value()});
      reply(done_or_why(done));
    });
  });
}

/// While it stood still so did the guest's clock, and what is signed or encrypted tells the time.
Result<void> Supervisor::Impl::tell_time() {
  return again_if_broken([this] {
    wire::Resumed news;
    news.realtime_ns = now_ns();
    return control_->request(news, base::Deadline::in(kClockLimit));
  });
}

void Supervisor::Impl::perform(const lifecycle::Save& /*action*/) {
  const auto [request, reply] = std::exchange(save_asker_, {});
  on_worker([this, request = request, reply = reply] {
    auto saved = save(request);
    on_control([this, request, reply, saved = std::move(saved)]() mutable {
      // Of a container that had ended before it stood still, a clone would have nothing.
      if (saved && (state_.exit_code || state_.between)) {
        saved = fail(ESRCH, "its container has ended meanwhile");
        if (request.ends) on_worker([this] { static_cast<void>(go_on()); });
      }
      happen(lifecycle::Saved{.stands_still = saved && request.ends});
      reply(saved);
    });
  });
}

/// On the worker. The VM goes on as it was, unless its snapshot is made and it is to end: then it
/// stands still until whoever keeps the snapshot has done so, and ends it.
Result<ask::Saved> Supervisor::Impl::save(const ask::Save& request) {
  const auto saver = launch_->saver(request.directory);
  std::int64_t paused_ns = 0;
  const auto written = stand_still(saver, paused_ns);
  if (!written || !request.ends) FCVM_TRY(go_on());
  if (!written) return unexpected(written.error());
  auto saved = complete(saver);
  if (!saved && request.ends) FCVM_TRY(go_on());
  if (saved) saved->paused_ns = paused_ns;
  return saved;
}

Result<ask::Saved> Supervisor::Impl::complete(const MachineSaver& saver) {
  FCVM_TRY(saver.complete());
  ask::Saved saved;
  const auto status = FCVM_TRY(launch_->machine().status());
  saved.vmm_version = text_of(status.vmm_version);
  saved.snapshot_format = text_of(status.snapshot_format);
  saved.accelerator = text_of(status.accelerator);
  saved.agent = agent_;
  saved.plan = plan_to_json(saved_plan(plan_as_it_is(), launch_->image_disks()));
  return saved;
}

/// The container first, so that none of its programs runs in a clone before that is one. Then the
/// VM, as long as it takes to write what changes.
Result<void> Supervisor::Impl::stand_still(const MachineSaver& saver, std::int64_t& paused_ns) {
  FCVM_TRY(again_if_broken([this] {
             return control_->request(wire::Freeze{}, base::Deadline::in(kRequestLimit));
           }) |
           context("letting the container stand still"));
  const auto began = std::chrono::steady_clock::now();
  Machine& machine = launch_->machine();
  FCVM_TRY(machine.pause(base::Deadline::in(kRequestLimit)));
  auto written = saver.save(machine, base::Deadline::in(kSaveLimit));
  paused_ns = std::chrono::nanoseconds(std::chrono::steady_clock::now() - began).count();
  return written;
}

/// A VM that does not, nobody wants to have.
Result<void> Supervisor::Impl::go_on() {
  Machine& machine = launch_->machine();
  const auto status = FCVM_TRY(machine.status());
  auto done = status.state == FCVM_VM_PAUSED ? machine.resume(base::Deadline::in(kRequestLimit))
                                             : Result<void>();
  const auto deadline = base::Deadline::in(kGoOnLimit);
  while (done) {
    done = tell_time();
    if (done) return {};
    const int code = done.error().code();
    if (deadline.expired() || (code != ETIMEDOUT && code != ENOTCONN)) break;
    done = {};
    std::this_thread::sleep_for(kGoOnPause);
  }
  const auto why = std::move(done).error().context("going on after a snapshot");
  on_control([this, why] { happen(lifecycle::GuestFailed{why}); });
  return unexpected(why);
}

/// As it was decided, but for what has been chosen since, and changed.
RunPlan Supervisor::Impl::plan_as_it_is() const {
  RunPlan plan = plan_;
  const Record record = record_->copy();
  plan.health = launch_->settled_health();
  plan.network.publish.clear();
  for (PublishedPort port : record.ports) {
    // Another VM has another address, on which the same ports are free; elsewhere they are taken.
    if (port.address != record.host_address) continue;
    port.address.clear();
    plan.network.publish.push_back(port);
  }
  const Network* const network = launch_->network();
  if (network == nullptr) return plan;
  plan.network.mac = network->attachment().mac;
  plan.network.ipv4 = network->attachment().guest_ipv4;
  plan.network.ipv6 = network->attachment().guest_ipv6;
  plan.network.mtu = network->attachment().mtu;
  return plan;
}

void Supervisor::Impl::perform(const lifecycle::SetTimer& action) {
  auto& timer = timers_.at(static_cast<std::size_t>(action.timer));
  loop_->cancel(timer);
  timer = loop_->after(action.after, [this, which = action.timer] {
    lifecycle::TimeUp time_up{which};
    if (which == lifecycle::Timer::kStart) time_up.why = late_start();
    if (which == lifecycle::Timer::kReady) {
      time_up.why = not_ready("\n    " + gates_->missing() + " keeps no deadline");
    }
    happen(time_up);
  });
}

void Supervisor::Impl::perform(const lifecycle::ClearTimer& action) {
  loop_->cancel(timers_.at(static_cast<std::size_t>(action.timer)));
}

/// Whatever the worker is waiting for then breaks off.
void Supervisor::Impl::perform(const lifecycle::KillMachine& /*action*/) {
  if (vmm_pidfd_) ::syscall(SYS_pidfd_send_signal, vmm_pidfd_.get(), SIGKILL, nullptr, 0);
}

void Supervisor::Impl::perform(const lifecycle::TearDown& action) {
  control_->cancel_requests();
  vmm_watch_->stop();
  space_watch_->stop();
  networking_->stop();
  loop_->cancel(end_timer_);
  on_worker([this, quiesce = action.quiesce] {
    if (quiesce > 0ms) {
      // What the container wrote should be on the disk that stays.
      const auto done = control_->last_request(wire::Quiesce{}, base::Deadline::in(quiesce));
      if (!done) log::debug("vm", "{}", done.error().message());
    }
    streams_.stop();
    control_.reset();
    launch_->end_machine();
    // What the guest wrote has arrived, and nobody can be dialed any more.
    maps_.clear();
    launch_->end_network();
    on_control([this] { leave(); });
  });
}

/// Waits for the last verbs beside the loop, which goes on: a verb that does not return is given up
/// by its timer.
void Supervisor::Impl::leave() {
  leaver_ = std::thread([this] {
    machine_worker_.join();
    diallers_.join();
    end_worker_.join();
    if (gates_) gates_->join();
    // Not before: until here somebody may be dialling the guest.
    launch_.reset();
    on_control([this] { loop_->stop(); });
  });
}

/// Threads that hang cannot be ended, so no destructor may run: it would wait for them. Whatever
/// plugins started dies with this process, and what they recorded is left to `fcvm gc`. An attached
/// client, whom the pump may be serving, sees this end by that of its connection.
void Supervisor::Impl::perform(const lifecycle::GiveUp& /*action*/) {
  const std::string verbs = plugin::verbs_under_way();
  const Error error(ETIMEDOUT,
                    fmt::format("VM {} is given up: {} does not return", record_->name(),
                                verbs.empty() ? "what was begun for it" : verbs),
                    "fcvm gc undoes what is left; fcvm plugin check tries a plugin");
  log::report(error);
  plugin::say_last_words(error);
  if (!state_.error) state_.error = error;
  record_end();
  ::_exit(state_.outcome());
}

void Supervisor::Impl::perform(const lifecycle::Blame& action) {
  std::string why;
  switch (action.why) {
    case lifecycle::Blame::Why::kLifetime:
      why = fmt::format("it ran for its --timeout of {} s",
                        static_cast<double>(plan_.lifetime->count()) / 1000);
      break;
    case lifecycle::Blame::Why::kGuest:
      why = "its guest did not end the container in time";
      break;
    case lifecycle::Blame::Why::kEndedEarly:
      why = "it was told to end before its container ran";
      break;
  }
  record_->note([&](Record& record) {
    if (record.error.empty()) record.error = why;
  });
  log::warning("vm", "VM {} is ended: {}", record_->name(), why);
}

void Supervisor::Impl::perform(const lifecycle::Report& action) {
  record_->tell(action.happening, action.attributes);
}

}  // namespace fcvm::vm
