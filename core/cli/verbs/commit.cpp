// fcvm commit: a container with its changes as a new image of the host.
#include <fcntl.h>
#include <sys/statvfs.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/guest_podman.hpp"
#include "core/cli/load_images.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/image/build_directory.hpp"

namespace fcvm::cli {
namespace {

/// What a guest may send never takes the last of the host's disk.
constexpr std::uint64_t kLeastRoom = std::uint64_t{1} << 30;

Result<void> write_with_room(int to, std::string_view piece) {
  struct statvfs room {};
  if (::fstatvfs(to, &room) != 0) return fail_errno("looking for room");
  if (std::uint64_t{room.f_bavail} * room.f_frsize < kLeastRoom) {
    return fail(ENOSPC, "the host's disk is nearly full", "fcvm system df shows what is there");
  }
  return base::write_all(to, piece);
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
  FCVM_TRY(podman.run(commit_words(invocation, podman, image)));
  {
    const Fd to = FCVM_TRY(base::open_file(archive.string(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    FCVM_TRY(podman.run({"save", "--quiet", "--format=docker-archive", image},
                        [&](std::string_view piece) -> Result<void> {
                          if (interrupt->signal()) return fail(ECANCELED, "canceled");
                          return write_with_room(to.get(), piece);
                        }));
  }
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
