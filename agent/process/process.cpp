// Starting a child with pipes or a terminal; see process.hpp.
#include "agent/process/process.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/container/container_files.hpp"
#include "agent/process/enter/request.hpp"
#include "agent/process/helper.hpp"
#include "agent/process/task.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"

namespace fcvm::agent {
namespace {

// The terminal is made in the target's own /dev/pts, so that ttyname() works there. What lies at
// that path is the container's to choose: it is looked at before anything is opened by it.
Result<base::Fd> open_terminal_maker(pid_t container) {
  const auto path =
      FCVM_TRY(find_in_root(container, "dev/pts/ptmx") | context("making a terminal"));
  struct stat status {};
  struct statfs filesystem {};
  const dev_t maker = makedev(5, 2);
  if (::fstat(path.get(), &status) != 0 || ::fstatfs(path.get(), &filesystem) != 0) {
    return fail_errno("looking at /dev/pts/ptmx");
  }
  if (!S_ISCHR(status.st_mode) || status.st_rdev != maker ||
      filesystem.f_type != DEVPTS_SUPER_MAGIC) {
    return fail(ENODEV, "making a terminal: the container's /dev/pts/ptmx makes none");
  }
  return base::open_file("/proc/self/fd/" + std::to_string(path.get()),
                         O_RDWR | O_NOCTTY | O_NONBLOCK);
}

Result<void> open_terminal(const ProcessOptions& options, Process& process, ChildStreams& streams) {
  base::Fd master = FCVM_TRY(open_terminal_maker(options.container));
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

const char* doing(enter::Step step) {
  switch (step) {
    case enter::Step::kEntered:
    case enter::Step::kForked:
      break;
    case enter::Step::kHelper:
      return "starting its helper";
    case enter::Step::kNamespace:
      return "entering the container";
    case enter::Step::kFork:
      return "forking in the container";
    case enter::Step::kStreams:
      return "connecting its streams";
    case enter::Step::kWorkdir:
      return "changing to its working directory";
    case enter::Step::kLimits:
      return "setting its limits";
    case enter::Step::kSeccomp:
      return "loading its seccomp filter";
    case enter::Step::kCredentials:
      return "taking its identity";
    case enter::Step::kExec:
      return "executing it";
  }
  return "starting";
}

// A socket, and not a pipe, for its kernel says who sends: the only way to learn the pid, outside,
// of a process that was born inside, before that process can end.
Result<base::SocketPair> make_link() {
  auto link = FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET));
  const int yes = 1;
  if (::setsockopt(link.first.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
    return fail_errno("asking a socket who sends");
  }
  return link;
}

Result<pid_t> start_command(const ProcessOptions& options, const ChildStreams& streams,
                            const base::SocketPair& link) {
  const Entrance entrance = FCVM_TRY(find_entrance(options.container));
  const std::string request = FCVM_TRY(helper_request(options, entrance));
  if (::send(link.first.get(), request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    return fail_errno("telling the helper of " + options.command[0] + " what to do");
  }
  return start_helper(options, entrance, streams, link.second);
}

// The sender's pid as this process's pid namespace has it; -1 when none came.
pid_t sender_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender{};
    std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
    return sender.pid > 0 ? sender.pid : -1;
  }
  return -1;
}

}  // namespace

void Process::resize(std::uint16_t rows, std::uint16_t columns) const {
  const winsize size{rows, columns, 0, 0};
  if (tty && stdout_fd) ::ioctl(stdout_fd.get(), TIOCSWINSZ, &size);
}

void Process::signal(int number) const {
  if (pid > 0) ::kill(pid, number);
}

Result<Launch> launch_process(const ProcessOptions& options) {
  if (options.command.empty() || options.command[0].empty()) {
    return fail(EINVAL, "running a command: it is empty");
  }
  Launch launch;
  ChildStreams streams;
  FCVM_TRY(open_streams(options, launch.process, streams));
  auto link = FCVM_TRY(make_link());
  launch.joins = options.container > 0 && !options.task;
  launch.process.pid = FCVM_TRY(options.task ? start_task(options, streams, link.second)
                                             : start_command(options, streams, link));
  launch.link = std::move(link.first);
  return launch;
}

LaunchNews read_news(const Launch& launch, const std::string& name) {
  enter::Report report{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  iovec into{&report, sizeof report};
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto receive = [&] { return ::recvmsg(launch.link.get(), &message, MSG_DONTWAIT); };
  ssize_t size = receive();
  // Of one that ended with its request unread; what it said comes after that.
  if (size < 0 && errno == ECONNRESET) size = receive();
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (size != sizeof report) return {LaunchNews::Kind::kClosed, -1, {}};
  if (report.step == enter::Step::kForked) return {LaunchNews::Kind::kEntered, report.error, {}};
  if (report.step == enter::Step::kEntered) {
    return {LaunchNews::Kind::kEntered, sender_of(message), {}};
  }
  return {LaunchNews::Kind::kFailed, -1,
          Error(report.error, "running " + name + ": " + doing(report.step) + ": " +
                                  std::strerror(report.error))};
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
