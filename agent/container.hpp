// Container: the process that runs the container (podman's), and the container's own pid.
//
// Owns the process until its end; its streams go to the OutputService.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>

#include "agent/loop.hpp"
#include "agent/process.hpp"

namespace fcvm::agent {

class Container {
 public:
  struct Callbacks {
    std::function<void(pid_t)> on_started;
    std::function<void(ChildEnd)> on_end;
  };

  Container(Loop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  /// The caller takes the streams of the returned Process.
  Result<Process> start(const ProcessOptions& options, const std::string& pid_file);

  /// Once it runs; -1 before and after.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const { return runner_ <= 0; }
  Result<void> signal(int number);
  /// SIGKILL follows when it has not ended within the grace.
  Result<void> stop(int number, std::chrono::milliseconds grace);

 private:
  Result<void> watch_pid_file();
  void look_for_pid();
  void await_program();
  void end(ChildEnd end);
  void forget_pid_file();

  Loop& loop_;
  Callbacks callbacks_;
  pid_t runner_ = -1;
  pid_t pid_ = -1;
  std::string pid_file_;
  base::Fd inotify_;
  Loop::TimerId kill_timer_ = 0;
  Loop::TimerId program_timer_ = 0;
};

}  // namespace fcvm::agent
