// fcvm image pull, prepare: makes images ready for VMs.
#include <fmt/core.h>

#include <fcvm/image.h>

#include "core/cli/image_catalog.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

Result<int> fetch(Invocation& invocation, const std::vector<std::string>& names,
                  std::uint32_t policy) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation, invocation.flag("quiet")));
  const auto interrupt = FCVM_TRY(Interrupt::open([&] { catalog->cancel(); }));
  for (const auto& name : names) {
    const auto image = catalog->pull(name, policy) | context(fmt::format("image {}", name));
    if (const auto signal = interrupt->signal()) return kExitSignalBase + *signal;
    if (!image) return unexpected(image.error());
    fmt::print("{}\n", image->id);
    std::fflush(stdout);
  }
  return 0;
}

Result<int> pull(Invocation& invocation) {
  return fetch(invocation, invocation.positionals(), FCVM_PULL_ALWAYS);
}

Result<int> prepare(Invocation& invocation) {
  return fetch(invocation, invocation.positionals(), FCVM_PULL_MISSING);
}

config::Option platform_option() {
  return {.name = "platform", .help = "of several images under one name, this: linux/amd64"};
}

config::Option quiet_option() {
  return {.name = "quiet",
          .type = config::Type::kBoolean,
          .help = "print the id, and not how far it is",
          .letter = 'q'};
}

}  // namespace

Verb image_pull_verb() {
  return {.name = "image pull",
          .aliases = {"pull", "podman pull"},
          .arguments = "[-q] IMAGE...",
          .summary = "Fetch images anew, and make them ready for VMs",
          .details =
              "Asks what the name means now, and fetches and unpacks what is not there. Prints\n"
              "the image's id.\n"
              "\n"
              "Example:\n"
              "  fcvm pull alpine:3.20 docker-archive:app.tar\n",
          .options = {platform_option(), quiet_option()},
          .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kImages},
          .run = pull};
}

Verb image_prepare_verb() {
  return {.name = "image prepare",
          .arguments = "[-q] IMAGE...",
          .summary = "Make images ready for VMs, as their first run would",
          .details = "Fetches nothing that is there already. Prints the image's id.\n",
          .options = {platform_option(), quiet_option()},
          .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kImages},
          .run = prepare};
}

}  // namespace fcvm::cli
