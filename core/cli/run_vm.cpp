// See run_vm.hpp.
#include "core/cli/run_vm.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/save_when_ready.hpp"
#include "core/cli/session/run_progress.hpp"
#include "core/cli/session/supervisor_process.hpp"
#include "core/cli/session/terminal.hpp"
#include "core/image/builder.hpp"
#include "core/log/bounded_file.hpp"
#include "core/log/log.hpp"
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
  SaveWhenReady::Done on_saved{};
  std::function<void(int code, const std::string& why)> on_never_began{};
  std::function<void(const std::string& why)> on_never_ready{};
  Fd attached{};
  std::function<void(const vm::Record&)> on_detached{};
};

Result<int> supervise(Invocation& invocation, VmToRun vm, RunProgress& progress, Hooks hooks) {
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
                          .vmm = vm.plan.vmm,
                          .guest = vm.plan.assets});
  std::optional<SaveWhenReady> saving;
  if (vm.save) saving.emplace(*store, *std::move(vm.save), std::move(hooks.on_saved));
  vm::Supervisor supervisor({.store = *store,
                             .registry = *registry,
                             .config = *config,
                             .make_disk = make_disk,
                             .progress = &progress,
                             .fusepipe = invocation.layout().bin / "fusepipe",
                             .builder = &builder,
                             .on_stage = [&](const std::string& stage) { progress.stage(stage); },
                             .on_started =
                                 [&, detached = vm.plan.detached](const auto&) {
                                   // From here on the terminal is the container's.
                                   if (!detached) progress.finish();
                                 },
                             .on_ready =
                                 [&](const auto& record) {
                                   progress.finish();
                                   if (hooks.on_ready) hooks.on_ready(record);
                                   if (saving) saving->begin(record);
                                 },
                             .on_never_began = std::move(hooks.on_never_began),
                             .on_never_ready = std::move(hooks.on_never_ready),
                             .attached = std::move(hooks.attached),
                             .again = std::move(vm.again),
                             .on_detached = std::move(hooks.on_detached)},
                            std::move(vm.plan));
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

}  // namespace

Result<int> run_vm_detached(Invocation& invocation, VmToRun vm,
                            const std::function<Result<int>(const std::string& called)>& then) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  RunProgress progress(is_quiet(invocation));  // made before: whoever waits for the VM sees it
  const bool looks_on = ::isatty(STDERR_FILENO) != 0;
  const auto run = [&](DetachedLine& line) -> Result<int> {
    const std::string besides = vm.plan.network.publish_address;
    const auto save = vm.save;
    std::string called = vm.called;
    std::string notes;
    std::optional<Result<std::string>> saved;
    auto ended = supervise(
        invocation, std::move(vm), progress,
        {.on_ready =
             [&](const auto& record) {
               log_to_file(store->paths(), record.id);
               if (called.empty()) called = record.id;
               notes = where_published(*store, record, besides, looks_on);
               if (!save) line.succeeded(called, notes);
             },
         .on_saved =
             [&](const auto& made, const std::string& snapshot) {
               saved = made ? Result<std::string>(snapshot) : unexpected(made.error());
               if (save->ends) return;
               made ? line.succeeded(called, notes) : line.failed(made.error());
             },
         .on_never_began =
             [&](int code, const std::string& why) {
               line.refused(code, why.empty() ? "its command could not be started" : why);
             },
         .on_never_ready = [&](const std::string& why) { line.refused(kExitFailure, why); }});
    if (!saved || !save->ends) return ended;
    *saved ? line.succeeded(**saved) : line.failed(saved->error());
    return ended;
  };
  return supervise_detached(run, then);
}

namespace {

void tell_unsaved(const Result<void>& saved, const std::string& /*snapshot*/) {
  if (!saved) log::report(saved.error());
}

/// With -i or -t: this process is the first one attached.
Result<int> run_at_terminal(Invocation& invocation, VmToRun vm) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const vm::Store* store = FCVM_TRY(invocation.store());
  SessionOptions options{
      .detach_keys = FCVM_TRY(DetachKeys::parse(config->text("run", "detach-keys"))),
      .sends_stdin = vm.plan.container.interactive,
      .forwards_signals = config->boolean("run", "sig-proxy")};
  if (vm.plan.container.tty && vm.plan.container.interactive && !Terminal::is_there()) {
    log::warning("run", "stdin is not a terminal: keys such as Ctrl-C are not passed on");
  }
  return supervise_attached(std::move(options), [&](Fd attached) {
    RunProgress progress(is_quiet(invocation));
    return supervise(
        invocation, std::move(vm), progress,
        {.on_saved = tell_unsaved,
         .attached = std::move(attached),
         .on_detached = [&](const auto& record) { log_to_file(store->paths(), record.id); }});
  });
}

Result<int> run_in_foreground(Invocation& invocation, VmToRun vm) {
  RunProgress progress(is_quiet(invocation));
  return supervise(invocation, std::move(vm), progress, {.on_saved = tell_unsaved});
}

}  // namespace

Result<int> run_vm(Invocation& invocation, VmToRun vm) {
  if (vm.plan.detached) {
    return run_vm_detached(invocation, std::move(vm), [](const std::string& called) {
      fmt::print("{}\n", called);
      return 0;
    });
  }
  if (vm.plan.container.interactive || vm.plan.container.tty) {
    return run_at_terminal(invocation, std::move(vm));
  }
  return run_in_foreground(invocation, std::move(vm));
}

}  // namespace fcvm::cli
