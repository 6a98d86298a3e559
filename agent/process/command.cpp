// See command.hpp.
#include "agent/process/command.hpp"

#include <csignal>
#include <memory>
#include <optional>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/container/exec_target.hpp"
#include "agent/process/process_run.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kMostOutput = 4096;

struct Output {
  std::string text;

  // False at the end.
  bool read(base::Fd& from) {
    char buffer[4096];
    const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMostOutput) text.erase(0, text.size() - kMostOutput);
    return got > 0 || (got < 0 && errno == EAGAIN);
  }
  void read_rest(Process& process) {
    for (base::Fd* from : {&process.stdout_fd, &process.stderr_fd}) {
      for (std::size_t before = SIZE_MAX; *from && before != text.size();) {
        before = text.size();
        static_cast<void>(read(*from));
        if (text.size() == kMostOutput) break;
      }
    }
  }
};

struct Running {
  explicit Running(Loop& loop) : run(loop) {}

  ProcessRun run;
  Output output;
  Loop::TimerId timer;
};

ProcessOptions options_of(const std::vector<std::string>& command) {
  ProcessOptions options;
  options.command = command;
  options.environment = guest_environment();
  return options;
}

Result<void> watch(Loop& loop, const std::shared_ptr<Running>& running, base::Fd Process::*which) {
  base::Fd& from = running->run.process().*which;
  return loop.watch(from.get(), EPOLLIN, [&loop, running, &from](Loop::Events) {
    if (running->output.read(from)) return;
    loop.forget(from.get());
    from = base::Fd();
  });
}

void forget(Loop& loop, Process& process) {
  for (base::Fd* from : {&process.stdout_fd, &process.stderr_fd}) {
    if (*from) loop.forget(from->get());
  }
}

/// Without a limit it takes as long as it takes.
Result<void> begin(Loop& loop, const ProcessOptions& options,
                   std::optional<std::chrono::milliseconds> limit, const OnCommandEnd& on_end) {
  const auto running = std::make_shared<Running>(loop);
  const auto settle = [&loop, running] {
    loop.cancel(running->timer);
    forget(loop, running->run.process());
  };
  const auto failed = [settle, on_end](const Error& why) {
    settle();
    on_end(exit_code_of(why), why.message());
  };
  const auto ended = [settle, running, on_end](ChildEnd end) {
    settle();
    running->output.read_rest(running->run.process());
    on_end(end.code, running->output.text);
  };
  FCVM_TRY(running->run.begin(options, {[] {}, failed, ended}));
  if (limit) {
    running->timer = loop.after(*limit, [running] { running->run.signal(SIGKILL); });
  }
  FCVM_TRY(watch(loop, running, &Process::stdout_fd));
  return watch(loop, running, &Process::stderr_fd);
}

}  // namespace

Result<void> run_command(Loop& loop, const std::vector<std::string>& command, OnCommandEnd on_end) {
  return begin(loop, options_of(command), std::nullopt, on_end);
}

Result<void> run_command(Loop& loop, const ProcessOptions& options, std::chrono::milliseconds limit,
                         OnCommandEnd on_end) {
  return begin(loop, options, limit, on_end);
}

}  // namespace fcvm::agent
