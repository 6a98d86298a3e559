// The supervisor's inside: its parts, and which thread uses which. The functions are in
// supervisor.cpp (beginning and end), supervisor_events.cpp (what happens to the VM),
// supervisor_requests.cpp (what is asked of it) and supervisor_network.cpp.
#pragma once

#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/core.h>

#include "core/log/log.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/vm/guest/output_pump.hpp"
#include "core/vm/host/cgroup.hpp"
#include "core/vm/host/cgroup_limits.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/recorded_state.hpp"
#include "core/vm/supervisor/control_server.hpp"
#include "core/vm/supervisor/launch.hpp"
#include "core/vm/supervisor/supervisor.hpp"

namespace fcvm::vm {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// How long the guest's agent may take over a request.
inline constexpr auto kRequestLimit = 10s;
/// How long a connection into the guest may take to be made.
inline constexpr auto kDialLimit = 10s;
/// What a guest has beyond the grace to tell that its container has ended; then its VM is ended.
inline constexpr auto kStopSlack = 5s;
/// And when it was told to kill its container.
inline constexpr auto kKillLimit = 2s;
/// Events of the guest that wait for the control thread.
inline constexpr std::ptrdiff_t kMostEvents = 32;

class Supervisor::Impl {
 public:
  Impl(SupervisorContext context, RunPlan plan)
      : context_(std::move(context)), plan_(std::move(plan)) {}

  Result<int> run();

 private:
  // --- beginning ---
  Result<void> begin();
  void make_cgroup();
  void limit_cgroup(bool emulated);
  void launch();
  Result<void> boot();
  Result<void> start_output();
  void on_launched(const Result<void>& launched);
  Result<Fd> dial(std::uint32_t port, base::Deadline deadline);

  // --- what happens to it ---
  void wait_for_signal();
  void on_signal(int number);
  void watch_vmm();
  std::vector<ProcessRecord> running_processes();
  void on_vmm_ended();
  std::string console_remedy() const;
  void take_guest_event(const wire::Event& event);
  void on_guest_event(const wire::Event& event);
  void on_started(const wire::Event& event);
  void expect_start();
  void end_after_lifetime(std::chrono::milliseconds limit);
  void on_exited(const wire::Event& event);
  void on_output_end();
  void on_sink_closed();
  void on_own_signal(int number);
  void on_detach();
  void on_hang_up();

  // --- its network ---
  void on_network_made();
  void watch_network();
  void on_network_broken(const Error& why);
  void publish_ports(const ControlRequest& request, ControlServer::Reply reply);
  Result<void> publish_each(const std::vector<PublishedPort>& ports);
  Result<void> unpublish_each(const std::vector<PublishedPort>& ports);
  void dial_tcp_for(std::uint32_t port, ControlServer::Reply reply);
  Result<Network*> live_network();

  // --- what is asked of it ---
  void on_request(const ControlRequest& request, ControlServer::Reply reply);
  void stop_container(int signal, std::chrono::milliseconds grace);
  void signal_container(int signal, ControlServer::Reply reply);
  void set_paused(bool paused, ControlServer::Reply reply);
  void dial_for(std::uint32_t port, ControlServer::Reply reply);
  void hand_over(std::function<Result<Fd>()> dial, ControlServer::Reply reply);
  void attach(const ControlServer::Reply& reply);
  Result<ControlAnswer> stats();

  // --- ending; the timers are the host's own, whatever the guest says ---
  void end_within(std::chrono::milliseconds limit);
  void end_by_force(std::chrono::milliseconds quiesce_limit);
  void kill_vmm_after(std::chrono::milliseconds limit);
  void kill_vmm();
  void fail_with(Error error);
  void finish();
  void tear_down();
  Result<int> conclude();
  void remove_own_cgroup();
  Result<int> tell_attached(Result<int> outcome);

  // --- small things ---
  template <typename Change>
  void change_record(Change change);
  void enter(Phase phase);
  void log_happening(const std::string& type, std::map<std::string, std::string> attributes = {});
  template <typename Work>
  void on_worker(Work work) {
    asio::post(machine_worker_, std::move(work));
  }
  template <typename Work>
  void on_control(Work work) {
    asio::post(loop_, std::move(work));
  }

  SupervisorContext context_;
  RunPlan plan_;

  asio::io_context loop_{1};
  /// Verbs of one instance run one at a time.
  asio::thread_pool machine_worker_{1};
  /// Those who dial; they may wait for a guest, and must not keep the VM from being ended.
  asio::thread_pool diallers_{4};
  asio::signal_set signals_{loop_};
  asio::steady_timer start_timer_{loop_};
  asio::steady_timer lifetime_{loop_};
  asio::steady_timer end_timer_{loop_};
  Fd vmm_pidfd_;
  std::optional<asio::posix::stream_descriptor> vmm_watch_;
  std::optional<asio::posix::stream_descriptor> network_watch_;
  asio::steady_timer network_timer_{loop_};

  std::optional<base::FileLock> supervised_;  // for as long as this process lives
  std::mutex record_mutex_;
  Record record_;
  std::optional<RecordedState> recorded_;
  Cgroup cgroup_;
  plugin::ProcessKeeper processes_;
  std::unique_ptr<ControlServer> server_;
  std::unique_ptr<Launch> launch_;
  std::counting_semaphore<kMostEvents> guest_events_{kMostEvents};  // room for more on their way
  std::unique_ptr<GuestControl> control_;
  Attachments attachments_;
  std::unique_ptr<OutputPump> output_;
  std::string agent_;

  // The control thread's alone.
  Phase phase_ = Phase::kCreated;
  bool launched_ = false;  // or failed to
  bool machine_runs_ = false;
  bool output_ended_ = false;
  bool sink_closed_ = false;
  bool is_attached_ = false;  // the one who runs the container
  bool tearing_down_ = false;
  std::optional<std::chrono::steady_clock::time_point> ends_at_;  // armed: end_timer_
  std::optional<std::chrono::steady_clock::time_point> dies_at_;  // armed: lifetime_
  std::optional<std::chrono::milliseconds> quiesce_limit_;        // ended by force: what it gets
  int signals_seen_ = 0;
  std::optional<int> exit_code_;
  std::optional<Error> error_;
  std::vector<ControlServer::Reply> waiting_;  // for the end
};

template <typename Change>
void Supervisor::Impl::change_record(Change change) {
  const std::lock_guard lock(record_mutex_);
  change(record_);
  if (auto saved = context_.store.save(record_); !saved) {
    log::warning("vm", "{}", saved.error().message());
  }
}

}  // namespace fcvm::vm
