// fcvm image save: writes a stored image to an archive.
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include <fcvm/image.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/fd.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/cli/output_file.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/image/build_directory.hpp"
#include "core/image/save.hpp"

namespace fcvm::cli {
namespace {

Result<void> copy_out(const std::string& file, int to) {
  const Fd from = FCVM_TRY(base::open_file(file, O_RDONLY));
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const auto count = FCVM_TRY(base::read_some(from.get(), buffer));
    if (count == 0) return {};
    FCVM_TRY(base::write_all(to, {buffer.data(), count}));
  }
}

Result<void> put_at(const std::string& made, const std::string& name) {
  auto output = FCVM_TRY(OutputFile::open(name));
  const Fd from = FCVM_TRY(base::open_file(made, O_RDONLY));
  if (output.is_new()) {
    FCVM_TRY(base::clone_file(from.get(), output.fd()) | context("writing " + name));
  } else {
    FCVM_TRY(copy_out(made, output.fd()));
  }
  return output.keep();
}

Result<int> run(Invocation& invocation) {
  const std::string output = invocation.value("output");
  if (output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    return fail(EINVAL, "save: an archive is nothing for a terminal", "fcvm save -o FILE IMAGE");
  }
  // As podman: an archive is not written over another.
  if (struct stat status{};
      ::stat(output.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
    return fail(EEXIST, fmt::format("save: {} is there already", output),
                "remove it, or give another name");
  }
  const std::string format = invocation.value("format", "docker-archive");
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation, invocation.flag("quiet")));
  const auto images = FCVM_TRY(catalog->all());
  const std::string& word = invocation.positionals().front();
  const image::Image* image = FCVM_TRY(image::find_image(images, word));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto work = FCVM_TRY(image::BuildDirectory::make(store->paths()));
  const std::string made = work.path() / "saved.tar";
  image::SaveRequest request{FCVM_TRY(catalog->images().hold(*image)),
                             image::name_meant(*image, word), format, made};
  const auto interrupt = FCVM_TRY(Interrupt::open([&] { catalog->cancel(); }));
  auto saved = catalog->save(request, work);
  const auto signal = interrupt->signal();
  if (signal) return kExitSignalBase + *signal;
  if (!saved) {
    return unexpected(std::move(saved).error().context("image " + word));
  }
  FCVM_TRY(output.empty() ? copy_out(made, STDOUT_FILENO) : put_at(made, output));
  return 0;
}

}  // namespace

Verb image_save_verb() {
  return {.name = "image save",
          .aliases = {"save", "podman save"},
          .arguments = "[-o FILE] [--format FORMAT] IMAGE",
          .summary = "Write an image to an archive that podman, docker and fcvm load",
          .details =
              "Without -o the archive goes to standard output. The archive names the image as\n"
              "IMAGE does, if that is one of its names.\n"
              "\n"
              "Example:\n"
              "  fcvm save -o app.tar localhost/app:1\n",
          .options = {{.name = "output", .help = "the file to write", .letter = 'o'},
                      {.name = "format",
                       .help = "what the archive is: docker-archive by default",
                       .choices = {"docker-archive", "oci-archive"}},
                      {.name = "quiet",
                       .type = config::Type::kBoolean,
                       .help = "do not show how far it is",
                       .letter = 'q'}},
          .positionals = {.min = 1, .max = 1, .names = Names::kStoredImages},
          .run = run};
}

}  // namespace fcvm::cli
