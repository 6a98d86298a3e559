// Container: what runs the container (podman, or conmon), and the container's own pid.
//
// Owns the process until its end; its streams go to the OutputService.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>

#include "agent/container/conmon.hpp"
#include "agent/container/prepared_start.hpp"
#include "agent/loop.hpp"
#include "agent/process/process_run.hpp"

namespace fcvm::agent {

class Container {
 public:
  struct Callbacks {
    /// Its streams, which the receiver takes.
    std::function<void(Process&)> on_streams;
    std::function<void(const Error&)> on_failed;
    std::function<void(pid_t)> on_started;
    std::function<void(ChildEnd)> on_end;
  };

  Container(Loop& loop, Callbacks callbacks)
      : loop_(loop), callbacks_(std::move(callbacks)), run_(loop) {}
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  /// By the command of the options.
  Result<void> start(const ProcessOptions& options, const std::string& pid_file);
  /// By conmon; on_refused when it cannot be made that way, and then it can be started by a
  /// command.
  Result<void> start(std::unique_ptr<PreparedStart> prepared, const ProcessOptions& options,
                     std::function<void(const Error&)> on_refused);

  /// Once it runs; -1 before and after.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const { return ended_; }
  /// One of a few milliseconds may have run, and ended, without being noticed.
  [[nodiscard]] bool was_seen() const { return is_told_; }
  Result<void> signal(int number);
  /// SIGKILL follows when it has not ended within the grace.
  Result<void> stop(int number, std::chrono::milliseconds grace);

 private:
  Result<void> watch_pid_file();
  void look_for_pid();
  void await_program();
  void tell_started();
  void runner_started();
  void end(ChildEnd end);
  void forget();
  void forget_pid_file();

  Loop& loop_;
  Callbacks callbacks_;
  ProcessRun run_;
  std::unique_ptr<Conmon> conmon_;
  bool ended_ = false;
  pid_t pid_ = -1;
  bool is_told_ = false;  // that it has started
  int wordless_ = 0;      // how often it had no command line
  std::string pid_file_;
  base::Fd inotify_;
  Loop::TimerId kill_timer_;
  Loop::TimerId program_timer_;
};

}  // namespace fcvm::agent
