// fcvm image load: takes an image from an archive.
#include <array>
#include <chrono>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/poll.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/cli/load_images.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/image/build_directory.hpp"

namespace fcvm::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLook{100};

Result<void> take_input(const fs::path& file, const Interrupt& interrupt) {
  const Fd to = FCVM_TRY(base::open_file(file.string(), O_WRONLY | O_CREAT | O_EXCL, 0600));
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    if (interrupt.signal()) return fail(ECANCELED, "canceled");
    const auto ready = base::wait_readable(STDIN_FILENO, base::Deadline::in(kLook));
    if (!ready && ready.error().code() == ETIMEDOUT) continue;
    if (!ready) return ready;
    const auto count = FCVM_TRY(base::read_some(STDIN_FILENO, buffer));
    if (count == 0) return {};
    FCVM_TRY(base::write_all(to.get(), {buffer.data(), count}));
  }
}

/// The archive under a name that a reference can have: without a colon.
Result<fs::path> archive_of(Invocation& invocation, const image::BuildDirectory& work,
                            const Interrupt& interrupt) {
  const fs::path named = work.path() / "load.tar";
  const auto input = invocation.value("input");
  if (input.empty()) {
    if (::isatty(STDIN_FILENO) == 1) {
      return fail(EINVAL, "load: no archive is named, and standard input is a terminal",
                  "fcvm load -i FILE, of podman save");
    }
    FCVM_TRY(take_input(named, interrupt) | context("reading the archive"));
    return named;
  }
  std::error_code error;
  const fs::path file = fs::absolute(input, error);
  if (file.string().find(':') == std::string::npos) return file;
  fs::create_symlink(file, named, error);
  if (error) return fail(error.value(), "naming " + file.string() + ": " + error.message());
  return named;
}

Result<int> run(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation, invocation.flag("quiet")));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto interrupt = FCVM_TRY(Interrupt::open([&] { catalog->cancel(); }));
  const auto work = FCVM_TRY(image::BuildDirectory::make(store->paths()));
  const auto archive = archive_of(invocation, work, *interrupt);
  if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
  if (!archive) return unexpected(archive.error());
  const auto loaded = load_images(*catalog, *archive);
  if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
  if (!loaded) return unexpected(loaded.error());
  // In podman's words, for scripts that read them.
  for (const auto& image : *loaded) {
    for (const auto& name : image.names) fmt::print("Loaded image: {}\n", printable(name));
  }
  return 0;
}

}  // namespace

Verb image_load_verb() {
  return {.name = "image load",
          .aliases = {"load", "podman load"},
          .arguments = "[-i FILE] [-q]",
          .summary = "Take the images of an archive, with the names that they have there",
          .details =
              "FILE is of `fcvm save`, `podman save` or `docker save`, packed by gzip, xz, zstd,\n"
              "bzip2 or not at all, or a directory with an OCI layout; without -i it is read from\n"
              "standard input.\n"
              "\n"
              "Examples:\n"
              "  fcvm load -i app.tar\n"
              "  podman save app:1 | fcvm load\n",
          .options = {{.name = "input", .help = "the archive", .letter = 'i'},
                      {.name = "quiet",
                       .type = config::Type::kBoolean,
                       .help = "do not show how far it is",
                       .letter = 'q'}},
          .run = run};
}

}  // namespace fcvm::cli
