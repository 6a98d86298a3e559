// fcvm snapshot export, import: a snapshot as one file, for another host.
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/output_file.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/snapshot/archive.hpp"

namespace fcvm::cli {
namespace {

Result<int> run_export(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto snapshot = FCVM_TRY(store.find(invocation.positionals().front()));
  const auto held = FCVM_TRY(store.use(snapshot));
  const auto path = invocation.value("output");
  if (!path.empty()) {
    auto output = FCVM_TRY(OutputFile::open(path));
    FCVM_TRY(snapshot::write_archive(snapshot, output.fd()) |
             context("exporting " + snapshot.manifest.name()));
    FCVM_TRY(output.keep());
    return 0;
  }
  if (::isatty(STDOUT_FILENO) != 0) {
    return fail(EINVAL, "a snapshot is nothing for a terminal", "give -o FILE, or a pipe");
  }
  FCVM_TRY(snapshot::write_archive(snapshot, STDOUT_FILENO) |
           context("exporting " + snapshot.manifest.name()));
  return 0;
}

Result<int> run_import(Invocation& invocation) {
  const vm::Store* vms = FCVM_TRY(invocation.store());
  const snapshot::Store store(vms->paths().snapshots());
  const auto path = invocation.value("input");
  const Fd file = path.empty() ? Fd() : FCVM_TRY(base::open_file(path, O_RDONLY));
  if (!file && ::isatty(STDIN_FILENO) != 0) {
    return fail(EINVAL, "a terminal has no snapshot", "give -i FILE, or a pipe");
  }
  const auto made = FCVM_TRY(
      snapshot::read_archive(store, file ? file.get() : STDIN_FILENO, invocation.value("tag")) |
      context("importing " + (path.empty() ? "a snapshot" : path)));
  fmt::print("{}\n", made.manifest.id);
  return 0;
}

}  // namespace

Verb snapshot_export_verb() {
  return {
      .name = "snapshot export",
      .arguments = "[-o FILE] SNAPSHOT",
      .summary = "Write a snapshot as one file, for another host",
      .details =
          "It has all that a clone needs, the guest's root and the image, too, and a digest of\n"
          "each part. Another host needs the same version of fcvm and the same VMM, and with\n"
          "KVM the same features of its CPU.\n"
          "\n"
          "Example:\n"
          "  fcvm snapshot export warm | ssh host fcvm snapshot import\n",
      .options = {{.name = "output", .help = "the file; otherwise a pipe", .letter = 'o'}},
      .positionals = {.min = 1, .max = 1},
      .run = run_export};
}

Verb snapshot_import_verb() {
  return {.name = "snapshot import",
          .arguments = "[-i FILE] [--tag T]",
          .summary = "Take a snapshot that was exported",
          .details =
              "Everything is compared with its digest: what is cut or altered is refused.\n"
              "Prints the id that it has here. Only take snapshots of those you trust: what\n"
              "is in one runs as a VM of yours.\n",
          .options = {{.name = "input", .help = "the file; otherwise a pipe", .letter = 'i'},
                      {.name = "tag", .help = "call it so, and not as it was called"}},
          .run = run_import};
}

}  // namespace fcvm::cli
