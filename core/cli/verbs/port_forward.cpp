// fcvm port-forward: ports of this host that lead to ports on a VM's loopback, while it runs.
#include "core/vm/client/port_forward.hpp"

#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/cli/end_vm.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/model/port.hpp"

namespace fcvm::cli {
namespace {

sigset_t ending_set() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
  return set;
}

/// Readable once somebody wants this process to end.
Result<Fd> ending_signals() {
  const sigset_t set = ending_set();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return fail_errno("waiting for signals");
  return signals;
}

/// Takes the one that ended us, if one did; another ends this process at once, whatever it still
/// waits for.
void end_at_the_next(int signals) {
  signalfd_siginfo taken{};
  [[maybe_unused]] const auto got = ::read(signals, &taken, sizeof taken);
  const sigset_t set = ending_set();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Result<int> run(Invocation& invocation) {
  const auto& words = invocation.positionals();
  std::vector<vm::ForwardedPort> ports;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    ports.push_back(FCVM_TRY(vm::parse_forwarded_port(*word)));
  }
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record = FCVM_TRY(vm::find_record(records, words.front()));
  if (!record->is_up()) return not_running(*record, "forwarded to");
  const Fd signals = FCVM_TRY(ending_signals());
  const auto forward = FCVM_TRY(vm::PortForward::create(*store, *record));
  const auto address = invocation.value("address", "127.0.0.1");
  for (const vm::ForwardedPort port : ports) {
    const auto local = FCVM_TRY(forward->listen(address, port));
    fmt::print("Forwarding from {} -> {}\n", vm::endpoint_text(address, local, 1), port.remote);
  }
  std::fflush(stdout);
  const auto ran = forward->run(signals.get());
  end_at_the_next(signals.get());
  FCVM_TRY(ran);
  return 0;
}

}  // namespace

Verb port_forward_verb() {
  return {
      .name = "port-forward",
      .arguments = "[--address IP] NAME [LOCAL:]REMOTE...",
      .summary = "Reach ports on a VM's loopback from this host, until interrupted",
      .details =
          "REMOTE is a TCP port on which a program in the VM listens, be it on 127.0.0.1, ::1 or\n"
          "all addresses. LOCAL is the port of this host; without it the same, and with "
          "\":REMOTE\"\n"
          "a free one, which is printed. It needs no network in the VM and publishes nothing: "
          "each\n"
          "connection goes through the VM's supervisor.\n"
          "\n"
          "Examples:\n"
          "  fcvm port-forward db 5432\n"
          "  fcvm port-forward web 8080:80 8443:443\n",
      .options = {{.name = "address", .help = "address of this host to listen on"}},
      .positionals = {.min = 2, .max = kAnyNumber, .names = Names::kLiveVms, .named = 1},
      .run = run};
}

}  // namespace fcvm::cli
