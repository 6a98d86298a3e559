// fcvm run: runs a container in a VM of its own. This process is the VM's supervisor.
#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/remove_vm.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/session/run_progress.hpp"
#include "core/cli/session/supervisor_process.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/image/builder.hpp"
#include "core/log/bounded_file.hpp"
#include "core/log/log.hpp"
#include "core/plan/describe.hpp"
#include "core/plan/run_plan.hpp"
#include "core/setup/disk.hpp"
#include "core/vm/store/port_owner.hpp"
#include "core/vm/supervisor/supervisor.hpp"

namespace fcvm::cli {
namespace {

constexpr std::uint64_t kLargestLog = 4 << 20;

/// What a detached supervisor says from now on is kept with its VM.
void log_to_file(const vm::Paths& paths, const std::string& id) {
  const auto file =
      base::open_file(paths.supervisor_log(id).string(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!file) return;
  ::dup2(file->get(), STDERR_FILENO);
  log::bound_file(kLargestLog);
}

/// What differs between a run in the foreground, in the background and at a terminal.
struct Hooks {
  std::function<void(const vm::Record&)> on_ready{};
  std::function<void(int code, const std::string& why)> on_never_began{};
  std::function<void(const std::string& why)> on_never_ready{};
  Fd attached{};
  std::function<void(const vm::Record&)> on_detached{};
};

Result<int> supervise(Invocation& invocation, vm::RunPlan plan, RunProgress& progress,
                      Hooks hooks) {
  // Whatever is made for this VM is its user's alone.
  ::umask(077);
  vm::Store* store = FCVM_TRY(invocation.store());
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const config::Config* config = FCVM_TRY(invocation.config());
  const auto make_disk = std::bind_front(setup::make_writable_disk, store->paths().templates());
  image::Builder builder({.registry = *registry,
                          .config = *config,
                          .paths = store->paths(),
                          .make_disk = make_disk,
                          .vmm = plan.vmm,
                          .guest = plan.assets});
  vm::Supervisor supervisor({.store = *store,
                             .registry = *registry,
                             .config = *config,
                             .make_disk = make_disk,
                             .progress = &progress,
                             .builder = &builder,
                             .on_stage = [&](const std::string& stage) { progress.stage(stage); },
                             .on_started =
                                 [&, detached = plan.detached](const auto&) {
                                   // From here on the terminal is the container's.
                                   if (!detached) progress.finish();
                                 },
                             .on_ready =
                                 [&](const auto& record) {
                                   progress.finish();
                                   if (hooks.on_ready) hooks.on_ready(record);
                                 },
                             .on_never_began = std::move(hooks.on_never_began),
                             .on_never_ready = std::move(hooks.on_never_ready),
                             .attached = std::move(hooks.attached),
                             .on_detached = std::move(hooks.on_detached)},
                            std::move(plan));
  return supervisor.run();
}

/// ", which VM web publishes", if it is one that has the port.
std::string owned_by(const vm::Store& store, const vm::PublishedPort& port) {
  const auto records = store.all();
  const auto owner = records ? vm::port_owner(*records, port) : std::string();
  return owner.empty() ? "" : fmt::format(", which VM {} publishes", owner);
}

/// Of ports without an address of their own, a line each: for somebody who looks on, and of those
/// that are not reached at `besides`, for everybody.
std::string where_published(const vm::Store& store, const vm::Record& record,
                            const std::string& besides, bool looks_on) {
  const auto& ports = record.ports;
  std::string lines;
  for (const auto& own : ports) {
    if (own.address != record.host_address || besides.empty()) continue;
    vm::PublishedPort twin = own;
    twin.address = besides;
    const bool both = std::find(ports.begin(), ports.end(), twin) != ports.end();
    const auto at = [&](const std::string& address) {
      return vm::endpoint_text(address, own.host_port, own.count);
    };
    if (both && !looks_on) continue;
    lines += fmt::format(
        "port {}/{} is reached at {}\n", own.guest_port, vm::to_text(own.protocol),
        both ? at(besides) + " and " + at(own.address)
             : at(own.address) + " alone, and not at " + at(besides) + owned_by(store, twin));
    if (both) continue;
    lines += fmt::format("once that is free, fcvm port add {} {} takes it\n", record.name,
                         vm::to_text(twin));
  }
  return lines;
}

bool is_quiet(Invocation& invocation) {
  const auto config = invocation.config();
  return config && (*config)->boolean("run", "quiet");
}

Result<int> run_detached(Invocation& invocation, vm::RunPlan plan) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  RunProgress progress(is_quiet(invocation));  // made before: whoever waits for the VM sees it
  const bool looks_on = ::isatty(STDERR_FILENO) != 0;
  return supervise_detached([&](DetachedLine& line) {
    const std::string besides = plan.network.publish_address;
    return supervise(
        invocation, std::move(plan), progress,
        {.on_ready =
             [&](const auto& record) {
               log_to_file(store->paths(), record.id);
               line.succeeded(record.id, where_published(*store, record, besides, looks_on));
             },
         .on_never_began =
             [&](int code, const std::string& why) {
               line.refused(code, why.empty() ? "its command could not be started" : why);
             },
         .on_never_ready = [&](const std::string& why) { line.refused(kExitFailure, why); }});
  });
}

/// With -i or -t: this process is the first one attached.
Result<int> run_at_terminal(Invocation& invocation, vm::RunPlan plan) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const vm::Store* store = FCVM_TRY(invocation.store());
  SessionOptions options{
      .detach_keys = FCVM_TRY(DetachKeys::parse(config->text("run", "detach-keys"))),
      .sends_stdin = plan.container.interactive,
      .forwards_signals = config->boolean("run", "sig-proxy")};
  if (plan.container.tty && plan.container.interactive && !Terminal::is_there()) {
    log::warning("run", "stdin is not a terminal: keys such as Ctrl-C are not passed on");
  }
  return supervise_attached(std::move(options), [&](Fd attached) {
    RunProgress progress(is_quiet(invocation));
    return supervise(invocation, std::move(plan), progress,
                     {.attached = std::move(attached), .on_detached = [&](const auto& record) {
                        log_to_file(store->paths(), record.id);
                      }});
  });
}

/// An option with a value that may be missing takes none from the next word: `--host-loopback 8080
/// IMAGE` would open everything, and run an image called 8080.
Result<void> check_image_word(const Invocation& invocation) {
  const std::string& image = invocation.positionals().front();
  if (image.find_first_not_of("0123456789,-") != std::string::npos) return {};
  for (const char* name : {"host-loopback", "host-addresses"}) {
    if (!invocation.given(name)) continue;
    return fail(EINVAL, fmt::format("{} is where the image stands, and looks like a port", image),
                fmt::format("write --{}={}", name, image));
  }
  return {};
}

Result<vm::RunPlan> make_plan(Invocation& invocation) {
  FCVM_TRY(check_image_word(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  // Also where they do nothing now: `fcvm attach` takes them later.
  FCVM_TRY(DetachKeys::parse(config->text("run", "detach-keys")));
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto& words = invocation.positionals();
  return plan::make_run_plan({.config = *config,
                              .registry = *registry,
                              .paths = store->paths(),
                              .image = words.front(),
                              .command = {words.begin() + 1, words.end()},
                              .terminal = Terminal::size()});
}

/// Only once everything about the new one is right, as far as can be told.
Result<void> remove_replaced(Invocation& invocation, const std::string& name) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(store->all());
  const auto old = std::find_if(records.begin(), records.end(),
                                [&](const vm::Record& record) { return record.name == name; });
  if (old == records.end()) return {};
  return RemoveVm(invocation, *store, {.force = true})(*old) | context("--replace");
}

Result<int> run(Invocation& invocation) {
  // Whatever killed supervisors left is not to stand in the way of a name.
  FCVM_TRY(invocation.records());
  vm::RunPlan plan = FCVM_TRY(make_plan(invocation));
  const config::Config* config = FCVM_TRY(invocation.config());
  if (config->boolean("run", "dry-run")) {
    fmt::print("{}", plan::describe(plan));
    return 0;
  }
  if (config->boolean("run", "replace")) {
    if (plan.name.empty())
      return fail(EINVAL, "--replace needs the name of what it replaces", "--name NAME");
    FCVM_TRY(remove_replaced(invocation, plan.name));
  }
  set_process_title(fmt::format("fcvm run {} {}", plan.name, plan.image));
  if (plan.detached) return run_detached(invocation, std::move(plan));
  if (plan.container.interactive || plan.container.tty) {
    return run_at_terminal(invocation, std::move(plan));
  }
  RunProgress progress(is_quiet(invocation));
  return supervise(invocation, std::move(plan), progress, {});
}

}  // namespace

Verb run_verb() {
  return {
      .name = "run",
      .aliases = {"podman run"},
      .arguments = "[OPTION...] IMAGE [COMMAND [ARG...]]",
      .summary = "Run a container in a microVM of its own",
      .details =
          "IMAGE is fetched as podman would (docker.io/library/... when it names no registry), or\n"
          "named with a transport: docker://, oci:, oci-archive:, docker-archive:,\n"
          "containers-storage:. The image fcvm/hello needs no registry.\n"
          "\n"
          "The exit code is the container's own; 125 when fcvm or the VM failed, 126 when the\n"
          "command cannot be executed, 127 when it is not found, 128+n when signal n ended it.\n"
          "\n"
          "SIGINT and SIGTERM go to the container, which has --stop-timeout to end; a second one\n"
          "ends the VM at once. The VM never outlives this process; with --detach that is a\n"
          "process in the background.\n"
          "\n"
          "With -it, keys go to the container as they are, and ctrl-p,ctrl-q leaves it running in\n"
          "the background: `fcvm attach` comes back to it.\n"
          "\n"
          "Examples:\n"
          "  fcvm run fcvm/hello\n"
          "  fcvm run --rm --memory 2G alpine sh -c 'uname -a'\n"
          "  fcvm run -it --rm alpine sh\n"
          "  fcvm run -i --rm alpine wc -l <file\n"
          "  fcvm run -d --name web -e MODE=test docker-archive:web.tar\n"
          "  fcvm run --profile big --dry-run alpine\n",
      .takes_run_options = true,
      .positionals = {.min = 1,
                      .max = kAnyNumber,
                      .first_ends_options = true,
                      .names = Names::kImages},
      .run = run};
}

}  // namespace fcvm::cli
