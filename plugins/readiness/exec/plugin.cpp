// readiness.exec: ready once a command in the container, or in the guest beside it, exits with 0.
#include <fcvm/readiness.hpp>

#include "plugins/readiness/common/attempts.hpp"
#include "plugins/readiness/common/last_line.hpp"
#include "plugins/readiness/exec/words.hpp"

namespace fcvm::readiness {
namespace {

using namespace std::chrono_literals;

struct ExecOptions {
  std::string command;
  std::string in = "container";
  std::string user;
  std::chrono::nanoseconds interval = 50ms;
  std::chrono::nanoseconds timeout = 5s;

  static auto table() {
    return options(
        option("command", &ExecOptions::command,
               "Line for the container's shell, or a JSON list of words that needs no shell")
            .required(),
        option("in", &ExecOptions::in, "Where it runs").choices("container|guest"),
        option("user", &ExecOptions::user, "User[:group] that runs it, as of podman exec"),
        option("interval", &ExecOptions::interval, "Time between two attempts"),
        option("timeout", &ExecOptions::timeout, "Longest time that an attempt may take"));
  }
};

class ExecGate : public ReadinessPlugin {
 public:
  using Options = ExecOptions;
  static constexpr Info kInfo{"readiness.exec", FCVM_VERSION,
                              "ready once a command in the container or the guest exits with 0"};

  ExecGate(Host host, Options options) : host_(host), options_(std::move(options)) {}

  Result<void> wait(const fcvm_ready_target& /*target*/, const Call& call) {
    FCVM_TRY(check_pace(options_.interval, options_.timeout));
    const Host::Exec command{.arguments = FCVM_TRY(words_of(options_.command)),
                             .flags = options_.in == "guest" ? 0 : FCVM_EXEC_IN_CONTAINER,
                             .user = options_.user};
    return attempt_until_passed(call, options_.interval,
                                "`" + options_.command + "` has to exit with 0",
                                [&] { return attempt(command, call); });
  }

 private:
  [[nodiscard]] Result<Seen> attempt(const Host::Exec& command, const Call& call) const {
    const auto done = host_.exec(command, call, options_.timeout);
    // In its own time, that is: what the deadline of the wait cut short has seen nothing.
    const bool has_time = call.remaining().count() > 0;
    if (!done && done.error().code() == ETIMEDOUT && has_time) {
      return Seen("it did not end in time");
    }
    if (!done) return unexpected(done.error());
    if (done->exit_code == 0) return Seen();
    const std::string said = last_line(done->errors.empty() ? done->output : done->errors);
    return Seen("exit code " + std::to_string(done->exit_code) + (said.empty() ? "" : ": " + said));
  }

  Host host_;
  Options options_;
};

}  // namespace

FCVM_EXPORT_PLUGIN(ExecGate);

}  // namespace fcvm::readiness
