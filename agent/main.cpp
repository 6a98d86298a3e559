// fc-agent: /init of the initrd and PID 1 of the guest.
#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/boot/guest_system.hpp"
#include "agent/boot/identity.hpp"
#include "agent/boot/init.hpp"
#include "agent/log.hpp"
#include "agent/process/helper.hpp"
#include "agent/services.hpp"
#include "agent/transport/transport.hpp"

namespace fcvm::agent {
namespace {

Result<void> run_guest() {
  FCVM_TRY(mount_kernel_filesystems());
  open_standard_streams();
  raise_limits();
  open_log();
  FCVM_TRY(load_modules());
  FCVM_TRY(helper_program());
  const auto loop = FCVM_TRY(Loop::create());
  Services services(*loop, guest_system());
  const auto transport =
      FCVM_TRY(Transport::of_guest(*loop, [&](std::uint32_t port, base::Fd socket) {
        services.serve(port, std::move(socket));
      }));
  return loop->run();
}

}  // namespace
}  // namespace fcvm::agent

int main() {
  using namespace fcvm::agent;
  ::signal(SIGPIPE, SIG_IGN);
  // What traces the guest's init owns the guest; nothing in a container should, privileged or not.
  ::prctl(PR_SET_DUMPABLE, 0);
  Greeting::instance() = random_name();
  if (::getpid() != 1) {
    log_line("this is the guest's init; run it as such");
    return 2;
  }
  const auto ended = run_guest();
  if (!ended) log_line(ended.error().message());
  // PID 1 must not return: the kernel would panic, and hide what was wrong.
  guest_system().power_off();
}
