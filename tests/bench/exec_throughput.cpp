// The exec protocol on local sockets, against an fc-agent-hosted: exec_throughput AGENT [GIBIBYTES]. Prints
// a JSON line each for the handshake (dial to ack), for a whole `true`, and for stdout: by the
// clock, and by the CPU time of the agent and of the host's side, which other load does not change.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/base/process/spawn.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/ports.hpp"

namespace {

using namespace fcvm;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

double own_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The 14th and 15th field of stat, behind the name in brackets.
double cpu_of(pid_t pid) {
  const std::string stat = base::read_file("/proc/" + std::to_string(pid) + "/stat").value_or(") ");
  unsigned long user = 0;
  unsigned long system = 0;
  std::sscanf(stat.c_str() + stat.rfind(')') + 2,
              "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Result<vm::FrameLink> begin(const std::string& socket, const std::vector<std::string>& command) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(60));
  auto dialled = FCVM_TRY(base::connect_unix(socket));
  auto stream =
      FCVM_TRY(vm::GuestStream::open(std::move(dialled), wire::kMaxExecData + 64, deadline));
  wire::ExecRequest request;
  request.id = "bench";
  request.place = wire::ExecPlace::kGuest;
  request.command = command;
  FCVM_TRY(stream.send(request));
  const auto ack = FCVM_TRY(stream.receive(deadline));
  FCVM_TRY(wire::decode<wire::ExecAck>(ack));
  return std::move(stream).release();
}

// Bytes of stdout, once it has exited with 0.
Result<std::uint64_t> finish(vm::FrameLink& link) {
  std::uint64_t bytes = 0;
  link.send(wire::ExecGo{"bench"});
  for (bool open = true;;) {
    FCVM_TRY(link.flush());
    while (const auto frame = FCVM_TRY(link.next())) {
      if (frame->type == wire::kExecStdout) bytes += frame->payload.size();
      if (frame->type != wire::ExecExit::kType) continue;
      const auto exit = FCVM_TRY(wire::decode<wire::ExecExit>(*frame));
      if (exit.code != 0) return fail(EIO, "the command failed");
      return bytes;
    }
    if (!open) return fail(EPIPE, "the agent closed the stream");
    pollfd wait{link.fd(), POLLIN, 0};
    ::poll(&wait, 1, -1);
    open = FCVM_TRY(link.read());
  }
}

Result<void> time_commands(const std::string& socket) {
  std::vector<double> handshakes;
  std::vector<double> wholes;
  for (int i = 0; i < 300; ++i) {
    const auto begun = Clock::now();
    auto link = FCVM_TRY(begin(socket, {"/bin/true"}));
    handshakes.push_back(1000 * seconds_since(begun));
    FCVM_TRY(finish(link));
    wholes.push_back(1000 * seconds_since(begun));
  }
  for (auto* times : {&handshakes, &wholes}) {
    std::sort(times->begin(), times->end());
    std::printf("{\"bench\":\"exec, %s\",\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
                times == &handshakes ? "handshake" : "handshake to exit of true",
                (*times)[times->size() / 2], (*times)[times->size() * 99 / 100]);
  }
  return {};
}

Result<void> measure_stdout(const std::string& socket, pid_t agent, std::uint64_t size) {
  const std::string script =
      "exec dd if=/dev/zero bs=1M status=none count=" + std::to_string(size >> 20);
  auto link = FCVM_TRY(begin(socket, {"/bin/sh", "-c", script}));
  const double host_before = own_cpu();
  const double agent_before = cpu_of(agent);
  const auto begun = Clock::now();
  const std::uint64_t bytes = FCVM_TRY(finish(link));
  if (bytes != size) return fail(EIO, "bytes were lost");
  const double gigabytes = static_cast<double>(bytes) / 1e9;
  std::printf(
      "{\"bench\":\"exec, stdout\",\"gb\":%.1f,\"gb_per_s\":%.2f,\"gb_per_cpu_s_of_agent\":%.2f,"
      "\"gb_per_cpu_s_of_host\":%.2f}\n",
      gigabytes, gigabytes / seconds_since(begun), gigabytes / (cpu_of(agent) - agent_before),
      gigabytes / (own_cpu() - host_before));
  return {};
}

Result<void> run(const std::string& program, std::uint64_t size) {
  const auto directory = FCVM_TRY(base::TempDir::create());
  base::SpawnOptions options;
  options.argv = {program, directory.path()};
  const auto agent = FCVM_TRY(base::spawn(options));
  const std::string socket = directory.path() + "/" + std::to_string(wire::kExecPort);
  const std::string last = directory.path() + "/" + std::to_string(wire::kForwardPort);
  for (int i = 0; i < 1000 && !base::connect_unix(last); ++i) ::usleep(5000);
  FCVM_TRY(time_commands(socket));
  return measure_stdout(socket, agent.pid(), size);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: exec_throughput AGENT [GIBIBYTES]\n");
    return 125;
  }
  const std::uint64_t gibibytes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 4;
  const auto done = run(argv[1], gibibytes << 30);
  if (!done) std::fprintf(stderr, "exec_throughput: %s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
