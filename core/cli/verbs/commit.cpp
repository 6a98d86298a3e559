// fcvm commit: a container with its changes as a new image of the host.
#include <fcntl.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/archive_contents.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/guest_podman.hpp"
#include "core/cli/load_images.hpp"
#include "core/cli/output_file.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/image/build_directory.hpp"

namespace fcvm::cli {
namespace {

/// The guest says what the archive holds, and gets no other name of the host's than the user gave.
Result<void> check_names(const std::string& archive, const std::string& image) {
  const auto contents = FCVM_TRY(images_in(archive));
  const auto is_meant = [&](const std::string& name) {
    for (const std::string& whole : {image, "localhost/" + image}) {
      if (name == whole || name == whole + ":latest") return true;
    }
    return false;
  };
  if (contents.size() == 1 && contents[0].names.size() == 1 && is_meant(contents[0].names[0])) {
    return {};
  }
  return fail(EPROTO, "the guest sent another image than " + image,
              "do not trust what runs in this VM");
}

std::vector<std::string> commit_words(const Invocation& invocation, const GuestPodman& podman,
                                      const std::string& image) {
  std::vector<std::string> words = {"commit", "--quiet", "--format=docker"};
  for (const char* option : {"author", "message"}) {
    if (invocation.given(option)) {
      words.push_back(fmt::format("--{}={}", option, invocation.value(option)));
    }
  }
  for (const auto& change : invocation.values("change")) words.push_back("--change=" + change);
  if (!invocation.flag("pause")) words.emplace_back("--pause=false");
  words.push_back(podman.container());
  words.push_back(image);
  return words;
}

Result<int> run(Invocation& invocation) {
  const auto& words = invocation.positionals();
  const auto podman = FCVM_TRY(GuestPodman::find(invocation, words.front(), "committed"));
  const std::string image = words.size() > 1 ? words[1] : "localhost/" + podman.container();
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation, invocation.flag("quiet")));
  const auto interrupt = FCVM_TRY(Interrupt::open([&] { catalog->cancel(); }));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto work = FCVM_TRY(image::BuildDirectory::make(store->paths()));
  const auto archive = work.path() / "commit.tar";
  const auto committed = [&]() -> Result<void> {
    const auto nothing = [](std::string_view) -> Result<void> { return {}; };
    FCVM_TRY(podman.run(commit_words(invocation, podman, image), *interrupt, nothing));
    const Fd to = FCVM_TRY(base::open_file(archive.string(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    auto sent =
        podman.run({"save", "--quiet", "--format=docker-archive", image}, *interrupt,
                   [&](std::string_view piece) { return write_leaving_room(to.get(), piece); });
    // It would take a layer of the VM's disk with each commit. That it stays hinders nobody.
    (void)podman.run({"rmi", image});
    FCVM_TRY(std::move(sent));
    return check_names(archive.string(), image);
  }();
  if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
  if (!committed) return unexpected(committed.error());
  const auto loaded = load_images(*catalog, archive);
  if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
  if (!loaded) return unexpected(loaded.error());
  for (const auto& one : *loaded) fmt::print("{}\n", one.id);
  return 0;
}

}  // namespace

Verb commit_verb() {
  return {
      .name = "commit",
      .aliases = {"podman commit"},
      .arguments = "[OPTION...] NAME [IMAGE]",
      .summary = "Make an image of a container and its changes",
      .details =
          "The guest's podman commits the container and sends the image, which then is one of\n"
          "`fcvm images`. Prints its id. Without IMAGE it is called localhost/NAME. The VM has to\n"
          "run, and `fcvm start` starts it.\n"
          "\n"
          "Example:\n"
          "  fcvm commit web localhost/web:2 && fcvm run localhost/web:2\n",
      .options = {{.name = "author", .help = "who has made it", .letter = 'a'},
                  {.name = "change",
                   .type = config::Type::kList,
                   .help = "instruction of a Containerfile: CMD, ENV, LABEL, USER, WORKDIR...",
                   .letter = 'c'},
                  {.name = "message", .help = "what it is for", .letter = 'm'},
                  {.name = "pause",
                   .type = config::Type::kBoolean,
                   .help = "hold the container meanwhile",
                   .letter = 'p'},
                  {.name = "quiet",
                   .type = config::Type::kBoolean,
                   .help = "do not show how far it is",
                   .letter = 'q'}},
      .positionals = {.min = 1, .max = 2, .names = Names::kLiveVms, .named = 1},
      .run = run};
}

}  // namespace fcvm::cli
