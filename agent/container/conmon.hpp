// Conmon: podman's monitor of a container, started by the agent itself in podman's place.
//
// Owns the start until the container exists, and then hears of its end. conmon goes on after that,
// with podman's own command for a container that has ended.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/container/prepared_start.hpp"
#include "agent/loop.hpp"
#include "agent/process/process_run.hpp"

namespace fcvm::agent {

class Conmon {
 public:
  struct Callbacks {
    /// It has been let go. Its streams are those of `process`.
    std::function<void(pid_t, Process&)> on_started;
    /// It could not be made, and nothing of it is left.
    std::function<void(const Error&)> on_failed;
    std::function<void(ChildEnd)> on_end;
  };

  Conmon(Loop& loop, std::unique_ptr<PreparedStart> prepared, Callbacks callbacks)
      : loop_(loop), prepared_(std::move(prepared)), callbacks_(std::move(callbacks)), run_(loop) {}
  ~Conmon();
  Conmon(const Conmon&) = delete;
  Conmon& operator=(const Conmon&) = delete;

  /// `options` say what the container's streams are. On failure nothing is left.
  Result<void> start(ProcessOptions options);

 private:
  Result<void> launch(ProcessOptions options);
  Result<void> listen_for_console();
  Result<void> watch_exits();
  void on_report();
  Result<void> on_made(pid_t pid);
  Result<void> take_terminal();
  void give_up(const Error& why);
  void undo();
  void look_for_exit();
  void on_conmon_end(ChildEnd end);
  void end(ChildEnd how);
  void stop_watching();

  Loop& loop_;
  std::unique_ptr<PreparedStart> prepared_;
  Callbacks callbacks_;
  ProcessRun run_;
  base::Fd report_;   // conmon says here that crun has made the container, or has failed
  base::Fd console_;  // crun connects here
  base::Fd inotify_;
  std::uint16_t rows_ = 0;
  std::uint16_t columns_ = 0;
  pid_t made_ = -1;
  bool is_over_ = false;
  Loop::TimerId timer_;
};

}  // namespace fcvm::agent
