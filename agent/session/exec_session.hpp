// ExecSession: one command of the exec protocol, from its request to its exit.
//
// Owns the stream and the command's pipes or terminal.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "agent/container/exec_target.hpp"
#include "agent/loop.hpp"
#include "agent/process/process_run.hpp"
#include "agent/transport/greeting.hpp"
#include "agent/transport/stream.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::agent {

class ExecSession {
 public:
  using Resolve = std::function<Result<ExecPlan>(const wire::ExecRequest&)>;

  ExecSession(Loop& loop, base::Fd socket, const Resolve& resolve,
              ProcessRun::Launcher launcher = launch_process);
  ~ExecSession();
  ExecSession(const ExecSession&) = delete;
  ExecSession& operator=(const ExecSession&) = delete;

  /// `on_over` is called once, when nothing is left to do.
  Result<void> start(std::function<void()> on_over);

 private:
  static constexpr std::size_t kStdinCredit = 256 << 10;
  static constexpr std::size_t kReadSize = wire::kMaxExecData;
  /// What a background child can make us read after the command has ended.
  static constexpr std::size_t kMostAfterEnd = 1 << 20;

  /// One of the command's output streams.
  struct Source {
    base::Fd* fd = nullptr;
    std::uint16_t type = 0;
    bool watched = false;
  };

  Result<void> on_frame(const wire::Frame& frame);
  Result<void> on_request(const wire::Frame& frame);
  Result<void> on_go(const wire::Frame& frame);
  Result<void> on_running(const wire::Frame& frame);
  Result<void> on_stdin(std::string_view bytes);
  Result<void> run(const ProcessOptions& options);
  void on_started();
  void fail_with(const Error& error);
  void close_streams();

  void watch_sources();
  void on_source(Source& source);
  [[nodiscard]] ssize_t forward_once(Source& source, std::size_t most);
  [[nodiscard]] static ssize_t read_unheard(const Source& source);
  void end_source(Source& source);
  void write_stdin();
  void credit(std::size_t bytes);
  void close_stdin();

  void on_end(ChildEnd end);
  void drain(Source& source);
  void report_end();
  void on_closed();

  Loop& loop_;
  Stream stream_;
  const Resolve& resolve_;
  std::function<void()> on_over_;
  Greeting greeting_;
  std::optional<wire::ExecRequest> request_;
  std::optional<ProcessOptions> options_;
  ProcessRun run_;
  Process& process_;
  bool told_to_go_ = false;
  bool detached_ = false;  // the host may leave: the command goes on, unheard
  std::optional<ChildEnd> end_;
  std::array<Source, 2> sources_;
  std::string stdin_;
  bool stdin_ended_ = false;
  bool stdin_watched_ = false;
  std::size_t uncredited_ = 0;
  Loop::TimerId timer_;
};

}  // namespace fcvm::agent
