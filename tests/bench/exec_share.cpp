// How long fcvm itself takes over `fcvm exec`: from the start of the process until its request is
// with the guest, and from the exit's frame until the process has ended. Is the guest's agent.
//
//   exec_share DIR COUNT FCVM ARGUMENT...     for each run a line: milliseconds, and those of CPU
//
// DIR is what a fake supervisor got as agent=DIR.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/resource.h>

#include "core/base/io/unix_socket.hpp"
#include "core/base/process/spawn.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/ports.hpp"

namespace fcvm {
namespace {

using Clock = std::chrono::steady_clock;

template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "exec_share: %s\n", result.error().message().c_str());
    std::exit(1);
  }
  return *std::move(result);
}

double cpu_of_children() {
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

double one_run(int listener, const base::SpawnOptions& command) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(30));
  const auto started = Clock::now();
  base::Child child = must(base::spawn(command));
  auto stream = must(vm::GuestStream::open(must(base::accept_connection(listener)),
                                           wire::kMaxExecRequest, deadline));
  const auto request = must(wire::decode<wire::ExecRequest>(must(stream.receive(deadline))));
  const auto asked = Clock::now();
  wire::ExecAck ack;
  ack.id = request.id;
  if (!stream.send(ack)) std::exit(1);
  must(stream.receive(deadline));  // go
  const auto answered = Clock::now();
  if (!stream.send(wire::ExecExit{})) std::exit(1);
  if (!must(child.wait(deadline)).success()) std::exit(1);
  const std::chrono::duration<double, std::milli> share =
      (asked - started) + (Clock::now() - answered);
  return share.count();
}

}  // namespace
}  // namespace fcvm

int main(int argc, char** argv) {
  using namespace fcvm;
  if (argc < 5) return 2;
  const auto path = std::string(argv[1]) + "/" + std::to_string(wire::kExecPort);
  const Fd listener = must(base::listen_unix(path));
  base::SpawnOptions command;
  command.argv.assign(argv + 3, argv + argc);
  for (int i = std::atoi(argv[2]); i > 0; --i) {
    const double cpu_before = cpu_of_children();
    const double share = one_run(listener.get(), command);
    std::printf("%.3f %.3f\n", share, cpu_of_children() - cpu_before);
  }
  return 0;
}
