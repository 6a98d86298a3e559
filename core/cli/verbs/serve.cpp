// fcvm serve: sandboxes over HTTP, for E2B's clients.
#include "core/api/serve.hpp"

#include <fmt/core.h>

#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

/// What this command was given, and each fcvm that it starts needs as well.
std::vector<std::string> global_words(const Invocation& invocation) {
  std::vector<std::string> words;
  for (const char* option : {"config", "profile", "log-level"}) {
    if (!invocation.given(option)) continue;
    words.push_back(fmt::format("--{}", option));
    words.push_back(invocation.value(option));
  }
  for (const auto& setting : invocation.values("set")) {
    words.emplace_back("--set");
    words.push_back(setting);
  }
  return words;
}

Result<int> run(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const bool no_auth = invocation.flag("no-auth");
  const auto token_file = invocation.value("token-file", config->text("serve", "token-file"));
  if (no_auth && invocation.given("token-file")) {
    return fail(EINVAL, "give --token-file or --no-auth, not both");
  }
  if (!no_auth && token_file.empty()) {
    return fail(EINVAL, "nobody may use it: there are no tokens",
                "fcvm serve --token-file FILE, or --no-auth for programs of this machine");
  }
  api::ServeOptions options{.listen = invocation.value("listen", config->text("serve", "listen")),
                            .token_file = no_auth ? "" : token_file,
                            .domain = config->text("serve", "domain"),
                            .templates = FCVM_TRY(api::Templates::make(
                                config->map("serve", "templates"), config->profiles(),
                                config->boolean("serve", "images")))};
  const vm::Store* store = FCVM_TRY(invocation.store());
  FCVM_TRY(
      api::serve(*store, options, api::FcvmCommand("/proc/self/exe", global_words(invocation))));
  return 0;
}

constexpr const char* kDetails =
    "Speaks what E2B's clients speak: E2B_API_URL and E2B_SANDBOX_URL are what it prints,\n"
    "E2B_API_KEY is a token. A sandbox is a VM of a template, which [serve] templates names; it\n"
    "ends at its timeout, or is paused. Sandboxes live on when the server ends, and one that is\n"
    "started again takes them up.\n"
    "\n"
    "A file of tokens has a line for each, \"sha256:DIGEST NAME [max_sandboxes=N]\", and is its\n"
    "owner's alone. Who has a token sees the sandboxes that were made with it. Without TLS it is\n"
    "for this machine, or for a proxy that has it.\n"
    "\n"
    "SIGTERM lets requests in flight end; a second one does not.\n"
    "\n"
    "Examples:\n"
    "  fcvm serve --no-auth\n"
    "  printf 'sha256:%s alice\\n' \"$(printf %s \"$TOKEN\" | sha256sum | cut -c1-64)\" >tokens\n"
    "  chmod 600 tokens && fcvm serve --listen 127.0.0.1:8090 --token-file tokens\n";

}  // namespace

Verb serve_verb() {
  return {.name = "serve",
          .arguments = "[--listen ADDRESS] --token-file FILE | --no-auth",
          .summary = "Make and use sandboxes over HTTP",
          .details = kDetails,
          .options = {{.name = "listen",
                       .help = "ADDRESS:PORT or unix:PATH; by default [serve] listen"},
                      {.name = "token-file", .help = "who may use it: digests of tokens"},
                      {.name = "no-auth",
                       .type = config::Type::kBoolean,
                       .help = "ask for no token: on this machine only"}},
          .run = run};
}

}  // namespace fcvm::cli
