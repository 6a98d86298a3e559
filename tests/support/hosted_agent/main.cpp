// fc-agent-hosted DIR: the agent's services in an ordinary process, on Unix sockets DIR/5100 and so
// on, for tests that have no guest.
#include <csignal>
#include <cstdio>
#include <string>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/boot/identity.hpp"
#include "agent/log.hpp"
#include "agent/process/helper.hpp"
#include "agent/services.hpp"
#include "agent/transport/listeners.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/wire/ports.hpp"
#include "tests/support/hosted_agent/test_system.hpp"

namespace fcvm::tests {
namespace {

using namespace agent;

Result<void> serve(const std::string& directory) {
  FCVM_TRY(helper_program());
  const auto loop = FCVM_TRY(Loop::create());
  Services services(*loop, test_system());
  Listeners listeners(
      *loop, [&](std::uint32_t port, base::Fd socket) { services.serve(port, std::move(socket)); },
      [](int) { return true; });
  for (const std::uint32_t port : wire::kAgentPorts) {
    const std::string path = directory + "/" + std::to_string(port);
    ::unlink(path.c_str());
    auto socket = FCVM_TRY(base::listen_unix(path));
    FCVM_TRY(listeners.add(port, std::move(socket)));
  }
  return loop->run();
}

}  // namespace
}  // namespace fcvm::tests

int main(int argc, char** argv) {
  using namespace fcvm;
  if (argc != 2) {
    std::fputs("usage: fc-agent-hosted DIR\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);
  agent::Greeting::instance() = agent::random_name();
  const auto served = tests::serve(argv[1]);
  if (!served) agent::log_line(served.error().message());
  return served ? 0 : 1;
}
