// fcvm exec: runs a command in a container, or beside it in the guest.
#include <chrono>

#include <fmt/core.h>

#include "core/cli/running_vm.hpp"
#include "core/cli/session/session.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/plan/env_file.hpp"
#include "core/vm/client/exec_client.hpp"

namespace fcvm::cli {
namespace {

/// Until the agent has acknowledged.
constexpr std::chrono::seconds kPatience{60};

Result<std::vector<std::string>> environment_of(const Invocation& invocation,
                                                const std::vector<config::Option>& options) {
  std::vector<std::string> environment;
  for (const auto& file : invocation.values("env-file")) {
    for (auto& variable : FCVM_TRY(plan::read_env_file(file)))
      environment.push_back(std::move(variable));
  }
  for (const auto& option : options) {
    if (option.name != "env") continue;
    const auto given = FCVM_TRY(config::parse(option, invocation.values("env")));
    for (const auto& [name, value] : std::get<config::Map>(given)) {
      environment.push_back(name + '=' + value);
    }
  }
  return environment;
}

std::vector<config::Option> exec_options() {
  using config::Type;
  auto options = one_vm_options();
  const std::vector<config::Option> own = {
      {.name = "interactive", .type = Type::kBoolean, .help = "pass stdin on", .letter = 'i'},
      {.name = "tty", .type = Type::kBoolean, .help = "give it a terminal", .letter = 't'},
      {.name = "detach",
       .type = Type::kBoolean,
       .help = "return as soon as it runs, and leave it running",
       .letter = 'd'},
      {.name = "env",
       .type = Type::kMap,
       .help = "variable for it; without a value, the host's",
       .letter = 'e',
       .bare_key = config::BareKey::kFromEnvironment},
      {.name = "env-file", .type = Type::kList, .help = "file of KEY=VALUE lines for it"},
      {.name = "workdir", .help = "working directory; by default the container's", .letter = 'w'},
      {.name = "user", .help = "user[:group], names or numbers", .letter = 'u'},
      {.name = "privileged", .type = Type::kBoolean, .help = "with every capability"},
      {.name = "container",
       .type = Type::kBoolean,
       .help = "in the container, which is the default",
       .letter = 'c'},
      {.name = "vm", .type = Type::kBoolean, .help = "in the guest, outside of the container"},
      {.name = "detach-keys", .help = "keys that leave it running; by default [run] detach-keys"},
      {.name = "quiet", .type = Type::kBoolean, .help = "log errors only", .letter = 'q'}};
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

Result<wire::ExecRequest> make_request(const Invocation& invocation, std::size_t words_used) {
  wire::ExecRequest request;
  const auto& words = invocation.positionals();
  request.command.assign(words.begin() + static_cast<std::ptrdiff_t>(words_used), words.end());
  if (words_used > 0 && !request.command.empty() && request.command.front() == "--") {
    request.command.erase(request.command.begin());
  }
  if (request.command.empty()) {
    return fail(EINVAL, "the command is missing", "fcvm exec NAME COMMAND [ARG...]");
  }
  if (request.command.front().empty()) return fail(EINVAL, "the command is an empty word");
  if (invocation.flag("vm") && invocation.flag("container")) {
    return fail(EINVAL, "give --vm or --container, not both");
  }
  request.environment = FCVM_TRY(environment_of(invocation, exec_options()));
  if (invocation.flag("vm")) request.place = wire::ExecPlace::kGuest;
  request.workdir = invocation.value("workdir");
  request.user = invocation.value("user");
  request.privileged = invocation.flag("privileged");
  request.detach = invocation.flag("detach");
  request.tty = invocation.flag("tty");
  request.interactive = invocation.flag("interactive") && !request.detach;
  if (const auto size = Terminal::size(); size && request.tty) {
    request.rows = size->rows;
    request.columns = size->columns;
  }
  return request;
}

/// Says where, and what podman's exit codes stand for, of a command that never ran.
SessionEnd explain(SessionEnd end, const vm::Record& record, const wire::ExecRequest& request) {
  if (!end.refused) return end;
  const bool in_guest = request.place == wire::ExecPlace::kGuest;
  const char* remedy = end.code == kExitNotFound
                           ? "name a program, and with -w a directory, that is there"
                       : end.code == kExitCannotExecute
                           ? "name a program that may be executed, and with -w a directory"
                           : "";
  // A remedy of the guest's own could be anything: nobody should type it.
  end.error =
      Error(end.error->code(),
            fmt::format("exec in {} VM {}: {}", in_guest ? "the guest of" : "the container of",
                        record.name, end.error->message()),
            remedy);
  return end;
}

Result<int> run(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  if (invocation.flag("quiet")) log::configure(log::Level::kError, log::format());
  const auto keys = FCVM_TRY(
      DetachKeys::parse(invocation.value("detach-keys", config->text("run", "detach-keys"))));
  const auto [record, words_used] = FCVM_TRY(find_running_vm(invocation, "exec in"));
  const auto request = FCVM_TRY(make_request(invocation, words_used));
  if (request.tty && request.interactive && !Terminal::is_there()) {
    log::warning("exec", "stdin is not a terminal: keys such as Ctrl-C are not passed on");
  }
  const vm::Store* store = FCVM_TRY(invocation.store());
  auto begun = FCVM_TRY(
      vm::begin_exec(*store, record.id, request, base::Deadline::in(kPatience)) |
      context(fmt::format("running {} in VM {}", printable(request.command.front()), record.name)));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&begun)) {
    return conclude(explain(refused(*failed), record, request));
  }
  auto& [stream, credit, way] = std::get<vm::ExecBegun>(begun);
  log::debug("exec", "{}", printable(way));
  Session session(std::move(stream).release(),
                  {.detach_keys = keys, .sends_stdin = request.interactive});
  auto end = FCVM_TRY(session.run(vm::Attached{request.tty, request.interactive, credit}));
  return conclude(explain(std::move(end), record, request));
}

constexpr const char* kDetails =
    "The command runs beside the container's own, with its environment, user and directory\n"
    "unless options name others. NAME is a VM's name, its id, or the beginning of its id.\n"
    "\n"
    "The exit code is the command's own; 125 when fcvm or the VM failed, 126 when the command\n"
    "cannot be executed, 127 when it is not found, 128+n when signal n ended it. It ends when the\n"
    "command does, even if a process that it left behind still holds its output.\n"
    "\n"
    "With -it, keys go to the command as they are, and ctrl-p,ctrl-q leaves it running. Without a\n"
    "terminal, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go to the command; the third\n"
    "of the first four to which it says nothing ends fcvm exec.\n"
    "\n"
    "Examples:\n"
    "  fcvm exec -it web sh\n"
    "  fcvm exec -e MODE=test -w /tmp web env\n"
    "  fcvm exec -i db psql <dump.sql\n"
    "  fcvm exec --vm web podman ps        # in the guest itself\n";

}  // namespace

Verb exec_verb() {
  return {.name = "exec",
          .aliases = {"podman exec"},
          .arguments = "[OPTION...] NAME COMMAND [ARG...]",
          .summary = "Run a command in a container that runs",
          .details = kDetails,
          .options = exec_options(),
          .bears_mistakes = true,
          .positionals = {.min = 1,
                          .max = kAnyNumber,
                          .first_ends_options = true,
                          .names = Names::kLiveVms},
          .run = run};
}

}  // namespace fcvm::cli
