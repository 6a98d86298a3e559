// fc-agent: /init of the initrd and PID 1 of the guest; or, with --test-socket DIR, its services in
// an ordinary process, on Unix sockets DIR/5100 and so on.
#include <csignal>
#include <cstring>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/control_service.hpp"
#include "agent/exec_service.hpp"
#include "agent/forward_service.hpp"
#include "agent/helper.hpp"
#include "agent/identity.hpp"
#include "agent/init.hpp"
#include "agent/life.hpp"
#include "agent/log.hpp"
#include "agent/output_service.hpp"
#include "agent/transport.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::agent {
namespace {

struct Services {
  Services(Loop& loop, System& system)
      : output(loop),
        life(loop, system, events, output),
        control(loop, life, events),
        exec(loop, [this](const wire::ExecRequest& request) { return life.resolve(request); }),
        forward(loop) {}

  void serve(std::uint32_t port, base::Fd socket) {
    switch (port) {
      case wire::kControlPort:
        return control.serve(std::move(socket));
      case wire::kOutputPort:
        return output.serve(std::move(socket));
      case wire::kExecPort:
        return exec.serve(std::move(socket));
      case wire::kForwardPort:
        return forward.serve(std::move(socket));
      default:
        log_line("nothing listens on guest port " + std::to_string(port));
    }
  }

  EventLog events;
  OutputService output;
  Life life;
  ControlService control;
  ExecService exec;
  ForwardService forward;
};

Result<void> serve(const std::string& test_directory) {
  const bool test = !test_directory.empty();
  FCVM_TRY(helper_program());
  const auto loop = FCVM_TRY(Loop::create());
  Services services(*loop, test ? System::of_test() : System::of_guest());
  const auto on_accept = [&](std::uint32_t port, base::Fd socket) {
    services.serve(port, std::move(socket));
  };
  const auto transport = FCVM_TRY(test ? Transport::unix_sockets(*loop, test_directory, on_accept)
                                       : Transport::of_guest(*loop, on_accept));
  return loop->run();
}

Result<void> run_guest() {
  FCVM_TRY(mount_kernel_filesystems());
  open_standard_streams();
  raise_limits();
  open_log();
  FCVM_TRY(load_modules());
  return serve("");
}

}  // namespace
}  // namespace fcvm::agent

int main(int argc, char** argv) {
  using namespace fcvm::agent;
  ::signal(SIGPIPE, SIG_IGN);
  // What traces the guest's init owns the guest; nothing in a container should, privileged or not.
  ::prctl(PR_SET_DUMPABLE, 0);
  Greeting::instance() = random_name();
  if (argc == 3 && std::strcmp(argv[1], "--test-socket") == 0) {
    const auto served = serve(argv[2]);
    if (!served) log_line(served.error().message());
    return served ? 0 : 1;
  }
  if (::getpid() != 1) {
    log_line("this is the guest's init; run it as such, or with --test-socket DIR");
    return 2;
  }
  const auto ended = run_guest();
  if (!ended) log_line(ended.error().message());
  // PID 1 must not return: the kernel would panic, and hide what was wrong.
  System::of_guest().power_off();
}
