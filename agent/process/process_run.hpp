// ProcessRun: one process from its launch to its end, as events of the loop.
//
// Owns the process's streams, and the process itself until it runs its program: who gives up before
// that kills it. PID 1 never waits for it: a container may stop, or starve, whatever is in it, and
// a start that takes longer than the patience is ended from outside.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "agent/loop.hpp"
#include "agent/process/process.hpp"

namespace fcvm::agent {

class ProcessRun {
 public:
  /// Either on_failed, or on_started and, later, on_end; never from within begin(). The owner may
  /// delete this from on_failed and on_end.
  struct Callbacks {
    std::function<void()> on_started;
    std::function<void(const Error&)> on_failed;
    std::function<void(ChildEnd)> on_end;
  };
  /// launch_process(), or what stands for it where nothing must be started.
  using Launcher = Result<Launch> (*)(const ProcessOptions&);
  using Patience = std::chrono::milliseconds;

  /// For what a container can hold up, and for what only a busy machine can.
  static constexpr Patience kPatience{10'000};
  static constexpr Patience kPatienceInGuest{60'000};

  explicit ProcessRun(Loop& loop, Launcher launcher = launch_process,
                      std::optional<Patience> patience = std::nullopt)
      : loop_(loop), launcher_(launcher), patience_(patience) {}
  ~ProcessRun();
  ProcessRun(const ProcessRun&) = delete;
  ProcessRun& operator=(const ProcessRun&) = delete;

  Result<void> begin(const ProcessOptions& options, Callbacks callbacks);
  /// Its streams can be used at once; its pid is known once it has started.
  Process& process() { return launch_.process; }
  [[nodiscard]] bool running() const { return phase_ == Phase::kRunning; }
  [[nodiscard]] bool over() const { return phase_ == Phase::kIdle || phase_ == Phase::kOver; }
  /// Before it has started: a signal that would end it ends the start, since no program has a
  /// handler yet, and any other is for nobody.
  void signal(int number);
  /// It goes on, and nobody hears of its end.
  void let_go();

 private:
  enum class Phase { kIdle, kStarting, kRunning, kOver };

  Result<void> follow_start(Patience patience);
  void follow(pid_t pid);
  /// Reads what it reports, without a word to the owner.
  void read_reports();
  void on_report();
  void on_pid_end(ChildEnd end);
  void on_late();
  void settle();
  void settle_started();
  void settle_failed(Error error);
  void stop_following_start();
  void kill_start();

  Loop& loop_;
  Launcher launcher_;
  std::optional<Patience> patience_;
  Callbacks callbacks_;
  std::string name_;
  Launch launch_;
  Phase phase_ = Phase::kIdle;
  pid_t helper_ = -1;  // of one that enters a container, while the helper has not ended
  bool closed_ = false;
  int ended_by_ = 0;  // a signal that came before it ran
  std::optional<Error> failure_;
  std::optional<ChildEnd> end_;
  Loop::TimerId timer_;
  Loop::SeekerId seeker_ = 0;
};

}  // namespace fcvm::agent
