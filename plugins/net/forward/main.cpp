// fcvm-forward [--udp-idle-ms=N] ADDRESS...: accepts on sockets of the host that its owner passes
// to it, and dials the guest at ADDRESS from the network namespace that it was started in. One per
// VM; see protocol.hpp.
//
// It handles a stranger's bytes on behalf of a hostile guest, so it keeps no privilege: it gives up
// all capabilities, and being root, before the first byte comes. It ends when the control socket
// does.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "plugins/net/common/confinement.hpp"
#include "plugins/net/forward/control.hpp"

namespace fcvm::forward {

namespace {

/// As connection tracking has it for a stream of datagrams.
constexpr std::chrono::seconds kUdpIdle{120};
constexpr int kFailed = 125;

Result<void> check_control_socket() {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(kControlFd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
      type == SOCK_SEQPACKET) {
    return {};
  }
  return fail(EINVAL, "there is no control socket at descriptor " + std::to_string(kControlFd),
              "fcvm's net plugins run this program; there is no use in running it by hand");
}

struct Arguments {
  Guest guest;
  std::chrono::milliseconds udp_idle = kUdpIdle;
};

Result<Arguments> parse(const std::vector<std::string>& words) {
  const std::string usage = "usage: fcvm-forward [--udp-idle-ms=N] ADDRESS...";
  const std::string idle_option = "--udp-idle-ms=";
  Arguments arguments;
  for (const std::string& word : words) {
    if (word.rfind(idle_option, 0) != 0) {
      FCVM_TRY(arguments.guest.add_address(word) | remedy(usage));
      continue;
    }
    const long value = std::strtol(word.c_str() + idle_option.size(), nullptr, 10);
    if (value <= 0) return fail(EINVAL, word + ": not a number of milliseconds", usage);
    arguments.udp_idle = std::chrono::milliseconds(value);
  }
  if (arguments.guest.address_count() > 0) return arguments;
  return fail(EINVAL, "no address of a guest was given", usage);
}

Result<void> run(const std::vector<std::string>& words) {
  const Arguments arguments = FCVM_TRY(parse(words));
  FCVM_TRY(check_control_socket());
  FdBudget budget = FdBudget::of_process();
  FCVM_TRY(net::give_up_privileges());
  ::signal(SIGPIPE, SIG_IGN);  // splice() knows no MSG_NOSIGNAL
  const auto loop = FCVM_TRY(EventLoop::create());
  Control control(*loop, budget, arguments.guest, Fd(kControlFd), arguments.udp_idle);
  FCVM_TRY(control.start());
  return loop->run();
}

}  // namespace

}  // namespace fcvm::forward

int main(int argc, char** argv) {
  const auto ran = fcvm::forward::run({argv + 1, argv + argc});
  if (ran) return 0;
  const fcvm::Error& error = ran.error();
  std::fprintf(stderr, "fcvm-forward: %s\n", error.message().c_str());
  if (!error.remedy().empty()) std::fprintf(stderr, "  to fix: %s\n", error.remedy().c_str());
  return fcvm::forward::kFailed;
}
