// fcvm export: the files of a container as a tar archive.
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/guest_podman.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

/// To a file that has its name once it is whole.
Result<void> export_to_file(const GuestPodman& podman, const std::string& name) {
  std::string beside = name + ".XXXXXX";
  const Fd to(::mkostemp(beside.data(), O_CLOEXEC));
  if (!to) return fail_errno("writing " + name);
  const auto exported = [&]() -> Result<void> {
    FCVM_TRY(podman.run({"export", podman.container()},
                        [&](std::string_view piece) { return base::write_all(to.get(), piece); }));
    if (::rename(beside.c_str(), name.c_str()) != 0) return fail_errno("naming " + name);
    return {};
  }();
  if (!exported) ::unlink(beside.c_str());
  return exported;
}

Result<int> run(Invocation& invocation) {
  const std::string output = invocation.value("output");
  if (output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    return fail(EINVAL, "export: an archive is nothing for a terminal", "fcvm export -o FILE NAME");
  }
  const auto podman =
      FCVM_TRY(GuestPodman::find(invocation, invocation.positionals().front(), "exported"));
  if (!output.empty()) {
    FCVM_TRY(export_to_file(podman, output));
    return 0;
  }
  FCVM_TRY(podman.run({"export", podman.container()}, [](std::string_view piece) {
    return base::write_all(STDOUT_FILENO, piece);
  }));
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
