// fcvm snapshot run: brings a snapshot to life, once or several times; fcvm fork: does so with a VM
// that runs, by way of a snapshot that nobody keeps.
#include <algorithm>
#include <csignal>
#include <limits>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/remove_vm.hpp"
#include "core/cli/run_vm.hpp"
#include "core/cli/running_vm.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/session/session.hpp"
#include "core/cli/session/signal_inbox.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/plan/log_options.hpp"
#include "core/plan/network_plan.hpp"
#include "core/snapshot/clone_plan.hpp"
#include "core/snapshot/create.hpp"
#include "core/vm/client/exec_client.hpp"
#include "core/vm/memory/page_server_protocol.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::cli {
namespace {

using config::Type;
using snapshot::Snapshot;

constexpr auto kPatience = std::chrono::seconds(60);
constexpr std::int64_t kMostClones = 1000;

/// The process that is to give clones their memory, or 0.
pid_t page_server_of(const Invocation& invocation) {
  return static_cast<pid_t>(std::stoll(invocation.value("pid", "0")));
}

/// What a clone has of its own, over what its snapshot says.
Result<void> take_network(vm::NetworkPlan& network, Invocation& invocation,
                          const Snapshot& snapshot) {
  if (invocation.given("network")) {
    const auto wanted = invocation.value("network");
    if ((wanted == "none") != network.plugin.empty()) {
      return fail(
          ENOTSUP,
          fmt::format("--network {}: the guest of snapshot {} has {} network interface", wanted,
                      snapshot.manifest.name(), network.plugin.empty() ? "no" : "a"),
          "leave --network away");
    }
    const plugin::Registry* registry = FCVM_TRY(invocation.registry());
    if (wanted != "none") {
      const plugin::Entry* entry = FCVM_TRY(registry->find("net", wanted));
      network.plugin = entry->descriptor.id;
    }
  }
  const auto wishes = invocation.values("publish");
  if (wishes.empty()) return {};
  if (network.plugin.empty()) {
    return fail(ENOTSUP,
                fmt::format("--publish: the guest of snapshot {} has no network interface",
                            snapshot.manifest.name()),
                "make the snapshot of a VM that has one");
  }
  network.publish = FCVM_TRY(vm::parse_publish_list(wishes));
  return {};
}

Result<void> take_streams(vm::RunPlan& plan, Invocation& invocation, const Snapshot& snapshot) {
  const config::Config* config = FCVM_TRY(invocation.config());
  for (const auto& [option, has] : {std::pair("interactive", plan.container.interactive),
                                    std::pair("tty", plan.container.tty)}) {
    if (!invocation.flag(option) || has) continue;
    return fail(ENOTSUP,
                fmt::format("--{}: the container of snapshot {} was started without it", option,
                            snapshot.manifest.name()),
                "fcvm exec -it NAME sh gives a terminal of its own");
  }
  // Who wants nothing of it gets its output alone.
  plan.container.interactive = invocation.flag("interactive");
  plan.container.tty = plan.container.tty && plan.container.interactive;
  plan.log = FCVM_TRY(plan::log_driver(*config, plan.detached, plan.container.tty));
  return {};
}

Result<vm::RunPlan> make_plan(Invocation& invocation, const Snapshot& snapshot,
                              const char* name_option, bool detached) {
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  auto plan = FCVM_TRY(snapshot::clone_plan(snapshot, *registry));
  plan.name = invocation.value(name_option);
  if (!plan.name.empty()) {
    FCVM_TRY(vm::check_name(plan.name) | context(fmt::format("--{}", name_option)));
  }
  plan.detached = detached;
  plan.remove_when_done = invocation.flag("rm");
  plan.restore->prefetch = !invocation.flag("no-prefetch");
  plan.restore->page_server = page_server_of(invocation);
  if (invocation.given("memory")) {
    if (invocation.given("pid")) {
      return fail(EINVAL, "--memory: the page server of --pid has a plugin of its own",
                  "leave --memory or --pid away");
    }
    const plugin::Entry* entry = FCVM_TRY(registry->find("memory", invocation.value("memory")));
    plan.restore->memory_plugin = entry->descriptor.id;
  }
  FCVM_TRY(take_network(plan.network, invocation, snapshot));
  FCVM_TRY(take_streams(plan, invocation, snapshot));
  return plan;
}

/// The exit code of a command in the clone's container.
Result<int> execute(const vm::Store& store, const std::string& id, const std::string& command) {
  wire::ExecRequest request;
  request.command = {"/bin/sh", "-c", command};
  auto begun = FCVM_TRY(vm::begin_exec(store, id, request, base::Deadline::in(kPatience)) |
                        context("running --exec in the clone"));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&begun)) {
    return fail(ENOEXEC, "running --exec in the clone: " + failed->message);
  }
  auto& [stream, credit, way] = std::get<vm::ExecBegun>(begun);
  Session session(std::move(stream).release(), {.detach_keys = FCVM_TRY(DetachKeys::parse(""))});
  return conclude(FCVM_TRY(session.run(vm::Attached{false, false, credit})));
}

/// A clone for one command: it ends with it.
Result<int> run_for_command(Invocation& invocation, vm::RunPlan plan) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const auto command = invocation.value("exec");
  const auto run_and_end = [&](const std::string& id) -> Result<int> {
    const auto code = execute(*store, id, command);
    const auto record = FCVM_TRY(store->load(id));
    FCVM_TRY(RemoveVm(invocation, *store, {.force = true})(record));
    return code;
  };
  return run_vm_detached(invocation, {std::move(plan)}, run_and_end);
}

/// All at once, each with a supervisor of its own; their ids as they come. The first exit code that
/// is not 0.
Result<int> run_several(Invocation& invocation, const vm::RunPlan& plan, std::int64_t count) {
  std::vector<pid_t> children;
  std::fflush(nullptr);
  for (std::int64_t number = 1; number <= count; ++number) {
    const pid_t child = ::fork();
    if (child < 0) {
      log::report(Error(errno, "starting a clone"));
      break;
    }
    if (child == 0) {
      vm::RunPlan own = plan;
      if (!own.name.empty()) own.name += "-" + std::to_string(number);
      const auto code = run_vm(invocation, {std::move(own)});
      if (!code) log::report(code.error());
      std::fflush(nullptr);
      ::_exit(code ? *code : kExitFailure);
    }
    children.push_back(child);
  }
  // They have had the terminal's signals, too, and end by them; what is to be done after them is.
  auto signals = FCVM_TRY(SignalInbox::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  int code = static_cast<std::int64_t>(children.size()) == count ? 0 : kExitFailure;
  for (const pid_t child : children) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const int one = WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailure;
    if (code == 0) code = one;
  }
  if (const auto number = signals.take()) return kExitSignalBase + *number;
  return code;
}

Result<std::int64_t> count_of(const Invocation& invocation) {
  const auto text = invocation.value("count", "1");
  return std::stoll(text);
}

/// Of a page server it is known which snapshot it has.
Result<std::string> snapshot_word(const Invocation& invocation, const vm::Paths& paths) {
  const auto& words = invocation.positionals();
  if (invocation.given("snapshot") + invocation.given("pid") + (words.empty() ? 0 : 1) != 1) {
    return fail(EINVAL, "give one snapshot, or the --pid of one that is served",
                "fcvm snapshot ls lists those there are");
  }
  if (invocation.given("pid")) return vm::served_snapshot(paths, page_server_of(invocation));
  return invocation.given("snapshot") ? invocation.value("snapshot") : words.front();
}

Result<int> run(Invocation& invocation) {
  // Whatever killed supervisors left is not to stand in the way of a name.
  (void)FCVM_TRY(invocation.records());
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto word = FCVM_TRY(snapshot_word(invocation, vms->paths()));
  const auto snapshot = FCVM_TRY(store.find(word));
  const auto count = FCVM_TRY(count_of(invocation));
  const bool executes = invocation.given("exec");
  if (executes && (count > 1 || invocation.flag("detach"))) {
    return fail(EINVAL, "--exec is for one clone, which ends with its command",
                "without --exec: fcvm exec runs commands in clones that go on");
  }
  const bool detached = invocation.flag("detach") || executes || count > 1;
  auto plan = FCVM_TRY(make_plan(invocation, snapshot, "name", detached));
  set_process_title(fmt::format("fcvm snapshot run {} {}", plan.name, word));
  if (executes) return run_for_command(invocation, std::move(plan));
  if (count > 1) return run_several(invocation, plan, count);
  return run_vm(invocation, {std::move(plan)});
}

/// The snapshot that the clones are made of, in use from the start. An interrupt waits for it,
/// since it takes a moment and the VM goes on; its number comes back then.
Result<std::pair<snapshot::Kept, std::optional<int>>> save_to_fork(const snapshot::Store& store,
                                                                   const vm::Store& vms,
                                                                   const vm::Record& record) {
  const auto interrupt = FCVM_TRY(Interrupt::open([] {}));
  auto made = FCVM_TRY(
      snapshot::create(store, vms, record, {.tag = "", .kind = snapshot::Manifest::kFork}) |
      context("forking VM " + record.name));
  log::info("snapshot", "VM {} stood still for {:.0f} ms", record.name,
            static_cast<double>(made.snapshot.manifest.paused_ns) / 1e6);
  return std::pair(std::move(made), interrupt->signal());
}

/// Its clones keep open what they need of the snapshot, which is gone when this returns. Of a
/// command that is killed, gc removes it.
Result<int> run_fork(Invocation& invocation) {
  (void)FCVM_TRY(invocation.records());
  const auto [record, words_used] = FCVM_TRY(find_running_vm(invocation, "fork"));
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto count = FCVM_TRY(count_of(invocation));
  const auto [made, signal] = FCVM_TRY(save_to_fork(store, *vms, record));
  const auto code = [&, &from = made.snapshot, &name = record.name,
                     signal = signal]() -> Result<int> {
    if (signal) return kExitSignalBase + *signal;
    auto plan = FCVM_TRY(make_plan(invocation, from, "as", true));
    set_process_title(fmt::format("fcvm fork {} {}", name, plan.name));
    return run_several(invocation, plan, count);
  }();
  FCVM_TRY(store.remove(made.snapshot, true));
  return code;
}

std::vector<config::Option> clone_options() {
  return {{.name = "rm", .type = Type::kBoolean, .help = "remove each clone when it has ended"},
          {.name = "publish",
           .type = Type::kList,
           .help = "[[HOSTIP:]HOSTPORT:]PORT[/udp], in place of the source's ports",
           .letter = 'p'},
          {.name = "network", .help = "another network than the source's"},
          {.name = "memory", .help = "where memory comes from: file, or uffd by a page server"},
          {.name = "no-prefetch",
           .type = Type::kBoolean,
           .help = "bring in no page before it is missed"}};
}

config::Option count_option(const char* help, char letter) {
  return {.name = "count",
          .type = Type::kInteger,
          .help = help,
          .letter = letter,
          .range = config::Range{.min = 1, .max = kMostClones}};
}

}  // namespace

Verb snapshot_run_verb() {
  auto options = clone_options();
  const std::vector<config::Option> own = {
      {.name = "snapshot", .help = "the snapshot, by tag or id"},
      {.name = "pid",
       .type = Type::kInteger,
       .help = "the snapshot that `fcvm snapshot serve` serves, by that process",
       .range = config::Range{.min = 1, .max = std::numeric_limits<pid_t>::max()}},
      {.name = "name", .help = "the clone's name; without it one is made up"},
      {.name = "detach",
       .type = Type::kBoolean,
       .help = "in the background; print its id",
       .letter = 'd'},
      {.name = "interactive", .type = Type::kBoolean, .help = "pass stdin on", .letter = 'i'},
      {.name = "tty",
       .type = Type::kBoolean,
       .help = "at this terminal, as the source was at its own",
       .letter = 't'},
      {.name = "exec", .help = "run this command of a shell in it, then end the clone"},
      count_option("so many, in the background, with NAME-1, NAME-2... for names", 0)};
  options.insert(options.begin(), own.begin(), own.end());
  return {
      .name = "snapshot run",
      .aliases = {"clone"},
      .arguments = "[OPTION...] SNAPSHOT",
      .summary = "Bring a snapshot to life, once or several times",
      .details =
          "Each clone goes on where the snapshot was taken, in a VM of its own: with other\n"
          "random numbers, the right time, names of its own, and without the connections of\n"
          "its source, before any program in it runs. README has what is promised.\n"
          "\n"
          "It is a VM as any other: exec, logs, stop, rm, ls and inspect work on it. Its ports\n"
          "are published as its source's were, at an address of its own. Command, environment,\n"
          "memory, CPUs and disks are as they were, and cannot be changed.\n"
          "\n"
          "Examples:\n"
          "  fcvm snapshot run -d --name web2 warm\n"
          "  fcvm snapshot run --rm --exec 'nginx -v' warm\n"
          "  fcvm snapshot run --count 20 --name web warm\n",
      .options = std::move(options),
      .positionals = {.max = 1},
      .run = run};
}

Verb fork_verb() {
  auto options = clone_options();
  options.push_back(latest_option());
  options.push_back({.name = "as", .help = "the clones' name: NAME-1, NAME-2..."});
  options.push_back(count_option("how many clones", 'n'));
  return {.name = "fork",
          .arguments = "[-n N] VM",
          .summary = "Clone a running VM, which goes on",
          .details =
              "As `fcvm snapshot create` and `fcvm snapshot run -d --count N`, but no snapshot is\n"
              "left. The VM stands still while its memory is written. Prints the clones' ids.\n"
              "\n"
              "Example:\n"
              "  fcvm fork web -n 4\n",
          .options = std::move(options),
          .positionals = {.max = 1, .names = Names::kLiveVms},
          .run = run_fork};
}

}  // namespace fcvm::cli
