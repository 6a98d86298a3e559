// Starting a child with pipes or a terminal; see process.hpp.
#include "agent/process.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process_child.hpp"
#include "core/base/file.hpp"
#include "core/base/pipe.hpp"

namespace fcvm::agent {
namespace {

// The terminal is made in the target's own /dev/pts, so that ttyname() works there.
Result<void> open_terminal(const ProcessOptions& options, Process& process, ChildStreams& streams) {
  const std::string root =
      options.container > 0 ? "/proc/" + std::to_string(options.container) + "/root" : "";
  base::Fd master = FCVM_TRY(base::open_file(root + "/dev/pts/ptmx", O_RDWR | O_NOCTTY));
  const int unlocked = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) return fail_errno("unlocking a terminal");
  base::Fd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return fail_errno("opening the other end of a terminal");
  streams.in = FCVM_TRY(slave.duplicate());
  streams.out = FCVM_TRY(slave.duplicate());
  streams.err = std::move(slave);
  process.stdin_fd = FCVM_TRY(master.duplicate());
  process.stdout_fd = std::move(master);
  process.tty = true;
  if (options.rows > 0 || options.columns > 0) process.resize(options.rows, options.columns);
  return {};
}

Result<void> open_pipes(const ProcessOptions& options, Process& process, ChildStreams& streams) {
  if (options.stdin_open) {
    auto in = FCVM_TRY(base::Pipe::create());
    process.stdin_fd = std::move(in.write_end);
    streams.in = std::move(in.read_end);
  } else {
    streams.in = FCVM_TRY(base::open_file("/dev/null", O_RDWR));
  }
  if (options.detach_streams) {
    streams.out = FCVM_TRY(base::open_file("/dev/null", O_RDWR));
    streams.err = FCVM_TRY(base::open_file("/dev/null", O_RDWR));
    return {};
  }
  auto out = FCVM_TRY(base::Pipe::create());
  auto err = FCVM_TRY(base::Pipe::create());
  // Larger than the default, for fewer wake-ups; no harm where it is refused.
  ::fcntl(out.read_end.get(), F_SETPIPE_SZ, 1 << 20);
  process.stdout_fd = std::move(out.read_end);
  process.stderr_fd = std::move(err.read_end);
  streams.out = std::move(out.write_end);
  streams.err = std::move(err.write_end);
  return {};
}

Result<void> open_streams(const ProcessOptions& options, Process& process, ChildStreams& streams) {
  if (options.tty && !options.detach_streams) {
    FCVM_TRY(open_terminal(options, process, streams));
  } else {
    FCVM_TRY(open_pipes(options, process, streams));
  }
  for (const base::Fd* fd : {&process.stdin_fd, &process.stdout_fd, &process.stderr_fd}) {
    if (fd->valid()) FCVM_TRY(base::set_nonblocking(fd->get()));
  }
  return {};
}

const char* doing(ChildStep step) {
  switch (step) {
    case ChildStep::kStarted:
      return "starting";
    case ChildStep::kCgroup:
      return "joining the container's cgroup";
    case ChildStep::kNamespace:
      return "entering the container";
    case ChildStep::kFork:
      return "forking";
    case ChildStep::kStreams:
      return "connecting its streams";
    case ChildStep::kWorkdir:
      return "changing to its working directory";
    case ChildStep::kLimits:
      return "setting its limits";
    case ChildStep::kSeccomp:
      return "loading its seccomp filter";
    case ChildStep::kCredentials:
      return "taking its identity";
    case ChildStep::kExec:
      return "executing it";
  }
  return "starting";
}

// Reads what the child reports until it has executed the program, which closes the pipe.
Result<void> await_start(int report_fd, const ProcessOptions& options, Process& process) {
  for (;;) {
    ChildReport report{};
    const std::size_t size =
        FCVM_TRY(base::read_some(report_fd, {reinterpret_cast<char*>(&report), sizeof report}));
    if (size == 0) return {};
    if (report.step == ChildStep::kStarted) {
      process.pid = report.value;
      continue;
    }
    return fail(report.value, "running " + options.command[0] + ": " + doing(report.step) + ": " +
                                  std::strerror(report.value));
  }
}

}  // namespace

void Process::resize(std::uint16_t rows, std::uint16_t columns) const {
  const winsize size{rows, columns, 0, 0};
  if (tty && stdout_fd) ::ioctl(stdout_fd.get(), TIOCSWINSZ, &size);
}

void Process::signal(int number) const {
  if (pid > 0) ::kill(pid, number);
}

Result<Process> start_process(const ProcessOptions& options) {
  if (options.command.empty() || options.command[0].empty()) {
    return fail(EINVAL, "running a command: it is empty");
  }
  Process process;
  ChildStreams streams;
  FCVM_TRY(open_streams(options, process, streams));
  const ChildPlan plan = FCVM_TRY(plan_child(options));
  auto report = FCVM_TRY(base::Pipe::create());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("forking for " + options.command[0]);
  if (pid == 0) run_child(options, plan, streams, report.write_end.get());
  process.pid = pid;
  report.write_end = base::Fd();
  streams = ChildStreams();
  FCVM_TRY(await_start(report.read_end.get(), options, process));
  return process;
}

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case ENOENT:
      return 127;
    case EACCES:
    case ENOEXEC:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return 126;
    default:
      return 125;
  }
}

}  // namespace fcvm::agent
