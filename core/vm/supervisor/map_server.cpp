// See map_server.hpp.
#include "core/vm/supervisor/map_server.hpp"

#include <cerrno>
#include <chrono>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/process/spawn.hpp"
#include "core/log/log.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/wire/map.hpp"
#include "core/wire/ports.hpp"
#include "fusepipe/stream/given_stream.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

constexpr int kGiverFd = 3;  // the process's descriptor
constexpr auto kServeLimit = 30s;
constexpr auto kStreamLimit = 10s;
constexpr auto kBetweenDials = 50ms;

/// The first line, or all there is.
std::string first_line(int fd, base::Deadline deadline) {
  std::string line;
  for (char letter = 0; letter != '\n'; line += letter) {
    if (!base::wait_readable(fd, deadline) || ::read(fd, &letter, 1) != 1) break;
  }
  return line;
}

}  // namespace

Result<std::unique_ptr<MapServer>> MapServer::start(const std::filesystem::path& program,
                                                    const MapPlan& plan, std::uint32_t number,
                                                    DialGuest dial) {
  std::unique_ptr<MapServer> server(new MapServer(number, std::move(dial)));
  server->stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!server->stop_) return fail_errno("making an eventfd");
  FCVM_TRY(server->spawn(program, plan) | context("serving " + plan.host));
  server->thread_ = std::thread([&self = *server] { self.run(); });
  return server;
}

Result<void> MapServer::spawn(const std::filesystem::path& program, const MapPlan& plan) {
  auto control = FCVM_TRY(base::SocketPair::create());
  auto output = FCVM_TRY(base::Pipe::create());
  auto errors = FCVM_TRY(base::Pipe::create());
  base::SpawnOptions options;
  options.argv = {program.string(), "serve", plan.host, "--listen",
                  fmt::format("given:{}", kGiverFd)};
  if (plan.read_only) options.argv.emplace_back("--ro");
  options.stdin_fd = base::kDevNull;
  options.stdout_fd = output.write_end.get();
  options.stderr_fd = errors.write_end.get();
  options.extra_fds = {{control.second.get(), kGiverFd}};
  // A terminal's signals are for the container.
  options.new_session = true;
  process_.emplace(FCVM_TRY(base::spawn(options)));
  control_ = std::move(control.first);
  output.write_end.reset();
  errors.write_end.reset();
  const auto deadline = base::Deadline::in(kServeLimit);
  if (!first_line(output.read_end.get(), deadline).empty()) return {};
  std::string why = first_line(errors.read_end.get(), deadline);
  if (!why.empty() && why.back() == '\n') why.pop_back();
  return fail(EIO, why.empty() ? "fusepipe does not start" : why);
}

void MapServer::run() {
  while (wait_for_request()) {
    auto stream = open_stream();
    while (!stream) {
      log::debug("vm", "a map's stream: {}", stream.error().message());
      if (!rest(kBetweenDials)) return;
      stream = open_stream();
    }
    if (!fusepipe::give_stream(control_.get(), stream->get())) return;
    dials_.spend();
    while (dials_.exhausted()) {
      if (!rest(kBetweenDials)) return;
    }
  }
}

/// False when it is time to end. The process asks for one at a time.
bool MapServer::wait_for_request() {
  pollfd waits[] = {{stop_.get(), POLLIN, 0}, {control_.get(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  if (waits[0].revents != 0) return false;
  if (fusepipe::take_requests(control_.get())) return true;
  log::warning("vm",
               "the process that serves a mapped directory has ended; the guest reads no more "
               "of it");
  return false;
}

bool MapServer::rest(std::chrono::milliseconds pause) {
  return !base::wait_readable(stop_.get(), base::Deadline::in(pause));
}

Result<Fd> MapServer::open_stream() {
  const auto deadline = base::Deadline::in(kStreamLimit);
  Fd dialed = FCVM_TRY(dial_(wire::kFusePort, deadline));
  auto stream = FCVM_TRY(GuestStream::open(std::move(dialed), wire::kMaxMapHeader, deadline));
  FCVM_TRY(stream.send(wire::MapRequest{number_}, deadline));
  // Nothing has come: the guest speaks first, and not before it has that.
  return std::move(stream).release_raw().fd;
}

MapServer::~MapServer() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

}  // namespace fcvm::vm
