// fcvm gc: removes what killed supervisors left.
#include "core/vm/store/gc.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/image_catalog.hpp"
#include "core/cli/recover_plugin.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/image/build_directory.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/store.hpp"
#include "core/vm/memory/page_server.hpp"

namespace fcvm::cli {
namespace {

/// VMs are cleaned up after whatever becomes of this.
void tidy_images(Invocation& invocation) {
  auto catalog = ImageCatalog::open(invocation);
  const auto tidied = catalog ? (*catalog)->images().tidy() : unexpected(catalog.error());
  if (!tidied) log::warning("gc", "{}", tidied.error().message());
}

Result<int> run(Invocation& invocation) {
  vm::Store* store = FCVM_TRY(invocation.store());
  const bool dry_run = invocation.flag("dry-run");
  auto collected =
      FCVM_TRY(vm::collect_garbage(*store, recover_plugin(invocation), {.dry_run = dry_run}));
  auto builders = image::BuildDirectory::sweep(store->paths(), dry_run);
  if (!builders) {
    log::warning("gc", "{}", builders.error().message());
    builders = std::vector<std::string>();
  }
  for (auto& id : *builders) {
    collected.push_back(
        {std::move(id), "",
         dry_run ? "a builder's leftovers would be removed" : "a builder's leftovers are removed"});
  }
  for (auto& id : FCVM_TRY(snapshot::Store(store->paths().snapshots()).collect(dry_run))) {
    collected.push_back({std::move(id), "",
                         dry_run ? "what was left of a snapshot would be removed"
                                 : "what was left of a snapshot is removed"});
  }
  for (auto& socket : vm::PageServer::collect(store->paths(), dry_run)) {
    collected.push_back({std::move(socket), "",
                         dry_run ? "a page server's socket would be removed"
                                 : "a page server's socket is removed"});
  }
  if (!dry_run) tidy_images(invocation);
  if (invocation.flag("json")) {
    using nlohmann::ordered_json;
    ordered_json list = ordered_json::array();
    for (const auto& one : collected) {
      list.push_back({{"Id", one.id}, {"Name", one.name}, {"What", one.what}, {"Goes", one.goes}});
    }
    fmt::print("{}\n", json_text(list));
    return 0;
  }
  for (const auto& one : collected) {
    fmt::print("{}{}{}: {}\n", one.id, one.name.empty() ? "" : " ", one.name, one.what);
    for (const auto& part : one.goes) fmt::print("  {}\n", part);
  }
  return 0;
}

}  // namespace

Verb gc_verb() {
  return {
      .name = "gc",
      .arguments = "[--dry-run] [--json]",
      .summary = "Clean up after supervisors that were killed",
      .details =
          "Ends VMMs that have lost their supervisor, lets the plugins undo what they had "
          "recorded\n"
          "on the host, removes sockets, and marks the VMs as exited with code 137, or removes "
          "them\n"
          "if they were started with --rm. Directories that a killed command left half made "
          "go, too,\n"
          "what is left of images and snapshots whose making was killed, and snapshots of forks\n"
          "that were interrupted.\n"
          "Nothing of a VM whose supervisor lives is touched.\n"
          "\n"
          "Every command that looks at VMs does the most of this first; `fcvm gc` also asks "
          "plugins\n"
          "again that had failed. Prints a line for each VM that something was done for, and with\n"
          "--dry-run, or in \"Goes\" of --json, what of it is still there: processes, its cgroup,\n"
          "what plugins made, sockets, and directories with their size.\n"
          "\n"
          "Example:\n"
          "  fcvm gc --dry-run\n",
      .options = {{.name = "dry-run",
                   .type = config::Type::kBoolean,
                   .help = "only show what would be done"},
                  {.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .bears_mistakes = true,
      .run = run};
}

}  // namespace fcvm::cli
