// See command.hpp.
#include "agent/command.hpp"

#include <memory>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/exec_target.hpp"
#include "agent/process.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kMostOutput = 4096;

struct Running {
  Process process;
  std::string output;

  // False at the end.
  bool read(base::Fd& from) {
    char buffer[4096];
    const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
    if (got > 0) output.append(buffer, static_cast<std::size_t>(got));
    if (output.size() > kMostOutput) output.erase(0, output.size() - kMostOutput);
    return got > 0 || (got < 0 && errno == EAGAIN);
  }
  void read_rest() {
    for (base::Fd* from : {&process.stdout_fd, &process.stderr_fd}) {
      for (std::size_t before = SIZE_MAX; *from && before != output.size();) {
        before = output.size();
        static_cast<void>(read(*from));
        if (output.size() == kMostOutput) break;
      }
    }
  }
};

Result<std::shared_ptr<Running>> start(const std::vector<std::string>& command,
                                       const std::string& root = {}) {
  ProcessOptions options;
  options.command = command;
  options.root = root;
  options.environment = guest_environment();
  auto running = std::make_shared<Running>();
  running->process = FCVM_TRY(start_process(options));
  return running;
}

Result<void> watch(Loop& loop, const std::shared_ptr<Running>& running, base::Fd Process::*which) {
  base::Fd& from = running->process.*which;
  return loop.watch(from.get(), EPOLLIN, [&loop, running, &from](Loop::Events) {
    if (running->read(from)) return;
    loop.forget(from.get());
    from = base::Fd();
  });
}

}  // namespace

Result<void> run_command(Loop& loop, const std::vector<std::string>& command, OnCommandEnd on_end) {
  const auto running = FCVM_TRY(start(command));
  FCVM_TRY(watch(loop, running, &Process::stdout_fd));
  FCVM_TRY(watch(loop, running, &Process::stderr_fd));
  loop.on_end(running->process.pid, [&loop, running, on_end](ChildEnd end) {
    for (base::Fd* from : {&running->process.stdout_fd, &running->process.stderr_fd}) {
      if (*from) loop.forget(from->get());
    }
    running->read_rest();
    on_end(end.code, running->output);
  });
  return {};
}

Result<void> run_command_now(const std::vector<std::string>& command, const std::string& root) {
  const auto running = FCVM_TRY(start(command, root));
  for (base::Fd* from : {&running->process.stdout_fd, &running->process.stderr_fd}) {
    pollfd wait{from->get(), POLLIN, 0};
    while (::poll(&wait, 1, -1) >= 0 && running->read(*from)) {
    }
  }
  int status = 0;
  while (::waitpid(running->process.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(EIO, command[0] + " failed: " + running->output);
}

}  // namespace fcvm::agent
