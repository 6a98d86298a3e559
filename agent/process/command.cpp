// See command.hpp.
#include "agent/process/command.hpp"

#include <memory>
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

}  // namespace

Result<void> run_command(Loop& loop, const std::vector<std::string>& command, OnCommandEnd on_end) {
  const auto running = std::make_shared<Running>(loop);
  const auto failed = [&loop, running, on_end](const Error& why) {
    forget(loop, running->run.process());
    on_end(exit_code_of(why), why.message());
  };
  const auto ended = [&loop, running, on_end](ChildEnd end) {
    forget(loop, running->run.process());
    running->output.read_rest(running->run.process());
    on_end(end.code, running->output.text);
  };
  FCVM_TRY(running->run.begin(options_of(command), {[] {}, failed, ended}));
  FCVM_TRY(watch(loop, running, &Process::stdout_fd));
  return watch(loop, running, &Process::stderr_fd);
}

}  // namespace fcvm::agent
