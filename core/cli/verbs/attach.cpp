// fcvm attach: this terminal, or these streams, in the place of a container's.
#include <chrono>

#include <fmt/core.h>

#include "core/cli/running_vm.hpp"
#include "core/cli/session/session.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kLargestFrame = wire::kMaxExecData + 64;

Result<int> run(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const auto keys = FCVM_TRY(
      DetachKeys::parse(invocation.value("detach-keys", config->text("run", "detach-keys"))));
  const auto [record, words_used] = FCVM_TRY(find_running_vm(invocation, "attach to"));
  if (invocation.positionals().size() > words_used) {
    return fail(EINVAL, fmt::format("unexpected argument \"{}\"", invocation.positionals().back()),
                "fcvm attach takes one VM");
  }
  const vm::Store* store = FCVM_TRY(invocation.store());
  auto answer = FCVM_TRY(vm::ask_supervisor(store->paths(), record.id, vm::ask::Attach{},
                                            base::Deadline::in(kPatience)) |
                         context("attaching to VM " + record.name));
  Session session(vm::FrameLink(std::move(answer.fd), wire::FrameBuffer(kLargestFrame)),
                  {.detach_keys = keys,
                   .sends_stdin = !invocation.flag("no-stdin"),
                   .forwards_signals = invocation.value("sig-proxy", "true") == "true",
                   .owns_command = false,
                   .repaints = true});
  return conclude(FCVM_TRY(session.run()));
}

constexpr const char* kDetails =
    "Shows what the container writes from now on, and passes stdin on when it was run with -i. "
    "Any\n"
    "number of attachments may be there at once; the container waits for the slowest reader.\n"
    "\n"
    "ctrl-p,ctrl-q leaves the container running. The exit code is the container's own when it\n"
    "ends, and 0 when it is left. The end of stdin is the end of the container's stdin, but not "
    "of\n"
    "its terminal. Without a terminal, signals go to the container, unless --sig-proxy=false.\n"
    "\n"
    "Examples:\n"
    "  fcvm run -dit --name shell alpine\n"
    "  fcvm attach shell\n"
    "  fcvm attach --no-stdin --sig-proxy=false web     # just looks\n";

}  // namespace

Verb attach_verb() {
  using config::Type;
  auto options = one_vm_options();
  options.push_back(
      {.name = "no-stdin", .type = Type::kBoolean, .help = "pass no stdin to the container"});
  options.push_back(
      {.name = "detach-keys", .help = "keys that leave it running; by default [run] detach-keys"});
  options.push_back({.name = "sig-proxy",
                     .type = Type::kBoolean,
                     .initial = "true",
                     .help = "pass signals on to the container"});
  return {.name = "attach",
          .aliases = {"podman attach"},
          .arguments = "[--no-stdin] [--detach-keys KEYS] [--sig-proxy=false] NAME",
          .summary = "Connect to the streams of a container that runs",
          .details = kDetails,
          .options = std::move(options),
          .bears_mistakes = true,
          .positionals = {.max = kAnyNumber, .names = Names::kLiveVms, .named = 1},
          .run = run};
}

}  // namespace fcvm::cli
