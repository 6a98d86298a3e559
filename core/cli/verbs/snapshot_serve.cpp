// fcvm snapshot serve: one page server for all clones of a snapshot, while it runs.
#include <csignal>
#include <unistd.h>

#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/session/process_title.hpp"
#include "core/cli/session/signal_inbox.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/plugin/registry.hpp"
#include "core/snapshot/clone_plan.hpp"
#include "core/snapshot/store.hpp"
#include "core/vm/memory/page_server.hpp"

namespace fcvm::cli {
namespace {

constexpr const char* kDefaultPlugin = "memory.uffd";
constexpr auto kOpenLimit = std::chrono::minutes(1);

Result<std::unique_ptr<vm::SnapshotMemory::Instance>> make_plugin(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const auto wanted = invocation.value("memory", kDefaultPlugin);
  const plugin::Entry* entry = FCVM_TRY(registry->find("memory", wanted));
  if ((entry->descriptor.capabilities & FCVM_MEMORY_IS_SERVER) == 0) {
    return fail(
        ENOTSUP,
        fmt::format("{} serves no clones: each maps the memory itself", entry->descriptor.id),
        "fcvm snapshot run brings clones to life without a server");
  }
  const auto settings = FCVM_TRY(plugin::Settings::of(*config, entry->descriptor.id));
  auto object = FCVM_TRY(plugin::Registry::load(*entry));
  return vm::SnapshotMemory::Instance::create(std::move(object), entry->descriptor.id, settings,
                                              {});
}

void print_figures(vm::SnapshotMemory& memory) {
  const auto figures = memory.figures();
  if (!figures) return;
  fmt::print("Gave {} in {} faults, and {} before they were missed\n",
             size_text(figures->bytes_copied), figures->faults,
             size_text(figures->bytes_prefetched));
}

Result<int> run(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto& word = invocation.positionals().front();
  const auto snapshot = FCVM_TRY(store.find(word));
  const auto held = FCVM_TRY(store.use(snapshot));
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const auto plan = FCVM_TRY(snapshot::clone_plan(snapshot, *registry));
  // Before there are threads, which would take them.
  const auto signals = FCVM_TRY(SignalInbox::open({SIGINT, SIGTERM, SIGHUP}));
  vm::SnapshotMemory memory(FCVM_TRY(make_plugin(invocation)));
  FCVM_TRY(memory.open(snapshot.directory, plan.memory_bytes, base::Deadline::in(kOpenLimit)) |
           context("serving snapshot " + word));
  set_process_title("fcvm snapshot serve " + word);
  {
    const auto server =
        FCVM_TRY(vm::PageServer::listen(vms->paths(), memory, snapshot.manifest.id));
    fmt::print("Serving snapshot {}; a clone: fcvm snapshot run --pid {}\n", word, ::getpid());
    std::fflush(stdout);
    FCVM_TRY(server->run(signals.fd()));
    // Else it would end this process once it is no longer held back.
    (void)signals.take();
  }
  print_figures(memory);
  return 0;
}

}  // namespace

Verb snapshot_serve_verb() {
  return {.name = "snapshot serve",
          .aliases = {"memory-server"},
          .arguments = "[--memory PLUGIN] SNAPSHOT",
          .summary = "Give clones of a snapshot their memory, until interrupted",
          .details =
              "One process for any number of clones, each of which is given the pages that it\n"
              "misses. `fcvm snapshot run --pid PID` makes one, PID being this process, which it\n"
              "prints. When it ends, however it ends, its clones are ended at once.\n"
              "\n"
              "Without a server each clone maps the snapshot's file, and clones share what none\n"
              "of them changes: that takes less memory where there are many. A server is for a\n"
              "plugin whose memory is no plain file.\n"
              "\n"
              "Example:\n"
              "  fcvm snapshot serve warm &\n"
              "  fcvm snapshot run -d --pid $! --name web2\n",
          .options = {{.name = "memory", .help = "the plugin; uffd if it is not given"}},
          .positionals = {.min = 1, .max = 1},
          .run = run};
}

}  // namespace fcvm::cli
