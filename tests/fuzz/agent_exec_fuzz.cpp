// What a host could send to the agent's exec port, cut in pieces: the first byte says how. Nothing
// is started: pipes stand for a command, which writes a little and reads all or nothing.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/session/exec_session.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"

namespace {

using namespace fcvm;
using namespace fcvm::agent;

/// The command's ends of its pipes.
struct Command {
  base::Fd in;
  base::Fd out;
  base::Fd err;
};
Command command;

Result<Launch> pretend(const ProcessOptions& options) {
  Launch launch;
  Process& process = launch.process;
  auto in = FCVM_TRY(base::Pipe::create());
  auto out = FCVM_TRY(base::Pipe::create());
  auto err = FCVM_TRY(base::Pipe::create());
  // There is no such process, nor a group of it: signals reach nobody.
  process.pid = std::numeric_limits<pid_t>::max();
  if (options.stdin_open) process.stdin_fd = std::move(in.write_end);
  process.stdout_fd = std::move(out.read_end);
  process.stderr_fd = std::move(err.read_end);
  for (const base::Fd* fd : {&process.stdin_fd, &process.stdout_fd, &process.stderr_fd}) {
    if (*fd) FCVM_TRY(base::set_nonblocking(fd->get()));
  }
  command = {std::move(in.read_end), std::move(out.write_end), std::move(err.write_end)};
  FCVM_TRY(base::set_nonblocking(command.in.get()));
  FCVM_TRY(base::write_all(command.out.get(), "out"));
  FCVM_TRY(base::write_all(command.err.get(), "err"));
  // What runs has closed its end.
  launch.link = std::move(FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET)).first);
  return launch;
}

Result<ExecPlan> resolve(const wire::ExecRequest& request) {
  OciConfig config;
  config.environment = {"PATH=/bin", "HOME=/root", "HOSTNAME=fuzz"};
  config.hostname = "fuzz";
  auto plan = plan_exec(request, {::getpid(), config}, nullptr);
  if (plan && plan->options.command.empty()) std::abort();
  return plan;
}

void turn(Loop& loop) {
  loop.after(std::chrono::milliseconds(0), [] {});
  if (!loop.step()) std::abort();
}

// What the agent answers is of no interest, but must not keep it waiting.
void swallow(int socket) {
  char ignored[65536];
  while (::recv(socket, ignored, sizeof ignored, MSG_DONTWAIT) > 0) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto loop = [] {
    ::signal(SIGPIPE, SIG_IGN);
    return *Loop::create();
  }();
  static const ExecSession::Resolve resolver = resolve;
  if (size == 0) return 0;
  auto sockets = *base::SocketPair::create();
  bool over = false;
  auto session = std::make_unique<ExecSession>(*loop, std::move(sockets.second), resolver, pretend);
  if (!session->start([&over] { over = true; })) std::abort();
  const std::size_t piece = (data[0] % 64 + 1) * std::size_t{37};
  const bool reads = (data[0] & 64) != 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!bytes.empty() && !over) {
    const auto some = bytes.substr(0, piece);
    const ssize_t sent =
        ::send(sockets.first.get(), some.data(), some.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    turn(*loop);
    swallow(sockets.first.get());
    if (sent < 0 && !over && errno != EAGAIN) break;
    char ignored[65536];
    if (reads && command.in) {
      [[maybe_unused]] const ssize_t got = ::read(command.in.get(), ignored, sizeof ignored);
    }
  }
  sockets.first = base::Fd();
  // One that a host has detached from goes on, since this command never ends.
  for (int i = 0; i < 10 && !over; ++i) turn(*loop);
  session.reset();
  command = {};
  return 0;
}
