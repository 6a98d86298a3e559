// fcvm export: the files of a container as a tar archive.
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/guest_podman.hpp"
#include "core/cli/output_file.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

/// To a file that has its name once it is whole.
Result<void> export_to_file(const GuestPodman& podman, const std::string& name,
                            const Interrupt& interrupt) {
  auto output = FCVM_TRY(OutputFile::open(name));
  FCVM_TRY(podman.run({"export", podman.container()}, interrupt, [&](std::string_view piece) {
    return write_leaving_room(output.fd(), piece);
  }));
  return output.keep();
}

Result<int> run(Invocation& invocation) {
  const std::string output = invocation.value("output");
  if (output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    return fail(EINVAL, "export: an archive is nothing for a terminal", "fcvm export -o FILE NAME");
  }
  const auto podman =
      FCVM_TRY(GuestPodman::find(invocation, invocation.positionals().front(), "exported"));
  const auto interrupt = FCVM_TRY(Interrupt::open([] {}));
  const auto exported =
      output.empty()
          ? podman.run({"export", podman.container()}, *interrupt,
                       [](std::string_view piece) { return base::write_all(STDOUT_FILENO, piece); })
          : export_to_file(podman, output, *interrupt);
  if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
  if (!exported) return unexpected(exported.error());
  return 0;
}

}  // namespace

Verb export_verb() {
  return {
      .name = "export",
      .aliases = {"podman export"},
      .arguments = "[-o FILE] NAME",
      .summary = "Write the files of a container to a tar archive",
      .details =
          "All files, as podman has them; without -o to standard output. The VM has to run, and\n"
          "`fcvm start` starts it. The archive is made by the guest, whom nobody has to believe:\n"
          "unpack it where it can do no harm.\n"
          "\n"
          "Example:\n"
          "  fcvm export -o web.tar web\n",
      .options = {latest_option(), {.name = "output", .help = "the archive", .letter = 'o'}},
      .positionals = {.min = 1, .max = 1, .names = Names::kLiveVms},
      .run = run};
}

}  // namespace fcvm::cli
