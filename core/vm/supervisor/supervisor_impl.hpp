// The supervisor's inside: its parts, and which thread uses which. What becomes of the VM is
// decided in lifecycle.hpp alone: whatever happens goes through happen(), and what follows is
// carried out by perform(). The functions are in supervisor.cpp (beginning and end),
// supervisor_events.cpp (what happens to the VM), supervisor_actions.cpp (what is done about it)
// and supervisor_requests.cpp (what is asked of it).
#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "core/base/loop/loop.hpp"
#include "core/base/loop/signals.hpp"
#include "core/base/loop/worker_pool.hpp"
#include "core/log/log.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/vm/client/guest_service.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/host/cgroup.hpp"
#include "core/vm/host/cgroup_limits.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/own_record.hpp"
#include "core/vm/store/recorded_state.hpp"
#include "core/vm/supervisor/control_server.hpp"
#include "core/vm/supervisor/gates.hpp"
#include "core/vm/supervisor/launch.hpp"
#include "core/vm/supervisor/lifecycle.hpp"
#include "core/vm/supervisor/map_server.hpp"
#include "core/vm/supervisor/networking.hpp"
#include "core/vm/supervisor/space_watch.hpp"
#include "core/vm/supervisor/streams.hpp"
#include "core/vm/supervisor/supervisor.hpp"
#include "core/vm/supervisor/watch_once.hpp"

namespace fcvm::vm {

using namespace std::chrono_literals;

/// How long the guest's agent may take over a request.
inline constexpr auto kRequestLimit = 10s;
/// How long a connection into the guest may take to be made.
inline constexpr auto kDialLimit = 10s;
/// Events of the guest that wait for the control thread.
inline constexpr std::ptrdiff_t kMostEvents = 32;

class Supervisor::Impl {
 public:
  Impl(SupervisorContext context, RunPlan plan)
      : context_(std::move(context)),
        plan_(std::move(plan)),
        rules_(rules_of(plan_)),
        streams_({.happen = [this](const auto& event) { happen(event); },
                  .on_detached = [this] { on_detach(); }}) {}

  Result<int> run();

 private:
  // --- beginning ---
  Result<void> begin();
  Result<Record> first_record();
  void make_cgroup();
  void limit_cgroup(bool emulated);
  void launch();
  Result<void> boot();
  Result<void> serve_maps();
  Result<void> revive();
  Result<Fd> dial(std::uint32_t port, base::Deadline deadline);

  // --- what happens to it ---
  void happen(const lifecycle::Event& event);
  void record_phase(const lifecycle::Step& stepped);
  void watch_vmm();
  std::vector<ProcessRecord> running_processes();
  void on_vmm_ended();
  void tell_end(std::string reason);
  std::string console_remedy() const;
  void take_guest_event(const wire::Event& event);
  void on_guest_event(const wire::Event& event);
  void on_detach();
  void on_space(bool is_full);
  [[nodiscard]] std::string disks_directory() const;
  Result<void> tell_time();
  Result<ask::Saved> save(const ask::Save& request);
  Result<ask::Saved> complete(const MachineSaver& saver);
  Result<void> stand_still(const MachineSaver& saver, std::int64_t& paused_ns);
  Result<void> go_on();
  [[nodiscard]] RunPlan plan_as_it_is() const;
  void tell_stage(const char* stage) const;
  Error late_start() const;
  void on_gate_passed(std::size_t index);
  void take_health(const wire::Health& health);
  void on_health(const wire::Health& health);
  void settle_health();
  Error not_ready(const std::string& why) const;

  // --- what is done about it ---
  void perform(const lifecycle::Launch& action);
  void perform(const lifecycle::CancelLaunch& action);
  void perform(const lifecycle::AnnounceStart& action);
  void perform(const lifecycle::AwaitGates& action);
  void perform(const lifecycle::CancelGates& action);
  void perform(const lifecycle::AnnounceReady& action);
  void perform(const lifecycle::AskToStop& action);
  void perform(const lifecycle::SignalContainer& action);
  void perform(const lifecycle::RestartContainer& action);
  void perform(const lifecycle::ReleaseContainer& action);
  void perform(const lifecycle::AnnounceRestart& action);
  void perform(const lifecycle::Pause& action);
  void perform(const lifecycle::Resume& action);
  void perform(const lifecycle::Save& action);
  void perform(const lifecycle::SetTimer& action);
  void perform(const lifecycle::ClearTimer& action);
  void perform(const lifecycle::KillMachine& action);
  void perform(const lifecycle::TearDown& action);
  void perform(const lifecycle::GiveUp& action);
  void perform(const lifecycle::Blame& action);
  void perform(const lifecycle::Report& action);

  // --- what is asked of it ---
  template <typename Answer>
  using Reply = ControlServer::Reply<Answer>;
  template <typename Request>
  using ReplyTo = Reply<typename Request::Answer>;
  void on_request(const ask::Request& request, ControlServer::Asker asker);
  void on(const ask::Stats& request, Reply<LiveStats> reply);
  void on(const ask::Wait& request, Reply<ask::Exit> reply);
  void on(const ask::Stop& request, Reply<ask::Exit> reply);
  void on(const ask::End& request, Reply<ask::Exit> reply);
  void on(const ask::Kill& request, Reply<ask::Done> reply);
  void on(const ask::Restart& request, Reply<ask::Done> reply);
  void on(const ask::Balloon& request, Reply<BalloonFigures> reply);
  void on(const ask::Rename& request, Reply<ask::Done> reply);
  void on(const ask::Pause& request, Reply<ask::Done> reply);
  void on(const ask::Unpause& request, Reply<ask::Done> reply);
  void on(const ask::Dial& request, Reply<ask::Stream> reply);
  void on(const ask::DialTcp& request, Reply<ask::Stream> reply);
  void on(const ask::Publish& request, Reply<ask::Ports> reply);
  void on(const ask::Unpublish& request, Reply<ask::Ports> reply);
  void on(const ask::Attach& request, Reply<ask::Stream> reply);
  void on(const ask::Save& request, Reply<ask::Saved> reply);
  Error not_now(const char* done) const;
  void ask(const lifecycle::Event& event, Reply<ask::Done> reply);
  Reply<ask::Done> take_asker();
  void await_end(Reply<ask::Exit> reply);
  void hand_over(std::function<Result<Fd>(base::Deadline)> dial, std::chrono::milliseconds within,
                 Reply<ask::Stream> reply);
  template <typename Work>
  void answer_ports(Reply<ask::Ports> reply, Work work);
  Result<LiveStats> stats();

  // --- ending ---
  void leave();
  void tell_caller() const;
  std::string why_it_never_began() const;
  std::string why_it_was_never_ready() const;
  void record_end();
  Result<int> conclude();
  void remove_own_cgroup();
  Result<int> tell_attached(Result<int> outcome);

  // --- small things ---
  static lifecycle::Rules rules_of(const RunPlan& plan);
  template <typename Work>
  void on_worker(Work work) {
    machine_worker_.post(std::move(work));
  }
  template <typename Work>
  void on_control(Work work) {
    loop_->post(std::move(work));
  }

  SupervisorContext context_;
  RunPlan plan_;
  const lifecycle::Rules rules_;

  std::unique_ptr<base::Loop> loop_;  // the control thread's
  /// Verbs of one instance run one at a time.
  base::WorkerPool machine_worker_{1};
  /// Those who dial; they may wait for a guest, and must not keep the VM from being ended.
  base::WorkerPool diallers_{4};
  // Asks why the VMM ended, while the worker may still wait for its guest.
  base::WorkerPool end_worker_{1};
  std::unique_ptr<base::Signals> signals_;
  /// The host's own, whatever the guest says.
  std::array<base::Loop::TimerId, lifecycle::kTimers> timers_;
  Fd vmm_pidfd_;  // for its signals, until the very end
  std::optional<WatchOnce> vmm_watch_;
  std::optional<SpaceWatch> space_watch_;
  base::Loop::TimerId end_timer_;

  std::thread leaver_;

  std::optional<base::FileLock> snapshot_lock_;  // a clone's: its snapshot stays
  std::optional<base::FileLock> supervised_;     // for as long as this process lives
  std::optional<OwnRecord> record_;
  std::optional<RecordedState> recorded_;
  std::optional<GuestService> guest_service_;
  Cgroup cgroup_;
  plugin::ProcessKeeper processes_;
  std::unique_ptr<ControlServer> server_;
  std::unique_ptr<Launch> launch_;
  std::unique_ptr<Gates> gates_;
  std::optional<Networking> networking_;
  std::counting_semaphore<kMostEvents> guest_events_{kMostEvents};  // room for more on their way
  std::unique_ptr<GuestControl> control_;
  Streams streams_;
  std::vector<std::unique_ptr<MapServer>> maps_;  // the worker's
  std::string agent_;

  // The control thread's alone.
  lifecycle::State state_;
  std::deque<lifecycle::Event> happenings_;             // the first is being seen to
  Reply<ask::Done> asker_;                              // of what is being seen to
  std::pair<ask::Save, Reply<ask::Saved>> save_asker_;  // likewise
  std::vector<Reply<ask::Exit>> waiting_;               // for the end
  std::vector<Reply<ask::Done>> restarting_;            // for the container to run again
  std::optional<wire::Health> health_news_;             // that is to be recorded
  base::Loop::TimerId health_timer_;                    // until which no more is
};

}  // namespace fcvm::vm
