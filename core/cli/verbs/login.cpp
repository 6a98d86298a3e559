// fcvm login, logout: credentials for registries, kept by skopeo where podman keeps them.
#include <csignal>

#include "core/base/process/program.hpp"
#include "core/base/process/spawn.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {
namespace {

/// At this process's terminal, since it may ask for a password.
Result<int> skopeo(const char* verb, Invocation& invocation, const std::vector<std::string>& flags,
                   const std::vector<std::string>& texts) {
  base::SpawnOptions options;
  options.program = base::find_program("skopeo");
  if (options.program.empty()) {
    return fail(ENOENT, "skopeo, which keeps the credentials, is not installed",
                "apt install skopeo");
  }
  options.argv = {"skopeo", verb};
  for (const auto& name : flags) {
    if (invocation.given(name)) {
      options.argv.push_back("--" + name + (invocation.flag(name) ? "=true" : "=false"));
    }
  }
  for (const auto& name : texts) {
    if (invocation.given(name)) options.argv.push_back("--" + name + "=" + invocation.value(name));
  }
  options.argv.emplace_back("--");
  const auto& registries = invocation.positionals();
  options.argv.insert(options.argv.end(), registries.begin(), registries.end());
  base::Child child = FCVM_TRY(base::spawn(options));
  // Ctrl-C is the child's: it has the terminal to put right.
  std::signal(SIGINT, SIG_IGN);
  const auto status = FCVM_TRY(child.wait());
  return status.code().value_or(kExitSignalBase + status.signal().value_or(0));
}

Result<int> login(Invocation& invocation) {
  return skopeo("login", invocation, {"password-stdin", "get-login", "tls-verify", "verbose"},
                {"username", "password", "authfile", "cert-dir"});
}

Result<int> logout(Invocation& invocation) {
  return skopeo("logout", invocation, {"all"}, {"authfile"});
}

config::Option authfile_option() {
  return {.name = "authfile",
          .help = "the file of the credentials; else REGISTRY_AUTH_FILE, or podman's own"};
}

}  // namespace

Verb login_verb() {
  using config::Type;
  return {.name = "login",
          .aliases = {"podman login"},
          .arguments = "[-u NAME [--password-stdin]] REGISTRY",
          .summary = "Log in to a registry",
          .details =
              "Asks for what is not given, tries it, and keeps it where podman and skopeo do, so\n"
              "that each of the three may log in for the others.\n"
              "\n"
              "Examples:\n"
              "  fcvm login registry.example.org\n"
              "  fcvm login -u me --password-stdin registry.example.org <password\n",
          .options = {{.name = "username", .help = "who logs in", .letter = 'u'},
                      {.name = "password",
                       .help = "seen by all users of this host; --password-stdin is not",
                       .secret = true,
                       .letter = 'p'},
                      {.name = "password-stdin",
                       .type = Type::kBoolean,
                       .help = "read the password from standard input"},
                      {.name = "get-login",
                       .type = Type::kBoolean,
                       .help = "only print who is logged in"},
                      {.name = "tls-verify",
                       .type = Type::kBoolean,
                       .help = "--tls-verify=false for a registry without TLS"},
                      {.name = "cert-dir", .help = "directory of certificates of the registry"},
                      {.name = "verbose",
                       .type = Type::kBoolean,
                       .help = "say where the credentials are kept",
                       .letter = 'v'},
                      authfile_option()},
          .positionals = {.min = 1, .max = 1},
          .run = login};
}

Verb logout_verb() {
  return {.name = "logout",
          .aliases = {"podman logout"},
          .arguments = "REGISTRY | --all",
          .summary = "Forget the credentials of a registry",
          .options = {{.name = "all",
                       .type = config::Type::kBoolean,
                       .help = "of all registries",
                       .letter = 'a'},
                      authfile_option()},
          .positionals = {.max = 1},
          .run = logout};
}

}  // namespace fcvm::cli
