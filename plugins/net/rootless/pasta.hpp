// Pasta: owns a running pasta, which carries the guest's packets as sockets of the host.
#pragma once

#include <csignal>
#include <memory>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>

#include "plugins/net/rootless/plan.hpp"

namespace fcvm::rootless {

/// What a pasta can do, told by its --help: Debian 12's is of March 2023, and versions are dates.
class PastaOffer {
 public:
  /// Runs `program --help`, once for each program in the life of this process.
  static Result<PastaOffer> ask(const Host& host, const std::string& program, const Call& call);

  explicit PastaOffer(std::string help) : help_(std::move(help)) {}
  [[nodiscard]] bool has(const std::string& option) const;
  /// Questions by TCP to the address of --dns-forward go to the host's resolver, too.
  [[nodiscard]] bool forwards_tcp_dns() const { return has("--dns-host"); }
  /// The first line of its --version; "" where it does not say it to a pipe.
  static Result<std::string> version(const Host& host, const std::string& program,
                                     const Call& call);

 private:
  std::string help_;
};

/// What is wrong with a pasta of that version ("pasta 2024_09_06.6b38f07", the first line of
/// --version), or "".
std::string fault_of_pasta(const std::string& version);

/// The command line that joins the namespaces of `holder`.
std::vector<std::string> pasta_command(const std::string& program, const PastaOffer& offer,
                                       const Plan& plan, pid_t holder, bool as_root);

/// From any thread once it is started.
class Pasta {
 public:
  Pasta() = default;
  static Result<Pasta> start(const Host& host, const std::vector<std::string>& command);

  /// Borrowed; readable once it has ended.
  [[nodiscard]] int pidfd() const { return process_.pidfd(); }
  [[nodiscard]] bool running() const { return process_.status().running != 0; }
  /// How it ended, and what it said last.
  [[nodiscard]] std::string last_words() const;
  Result<void> kill() { return process_.signal(SIGKILL); }

 private:
  struct Output {
    explicit Output(Fd from) : pipe(std::move(from)) {}
    std::mutex mutex;
    Fd pipe;
    std::string end;  // of what has been read from the pipe
  };
  Pasta(Process process, std::unique_ptr<Output> output)
      : process_(std::move(process)), output_(std::move(output)) {}

  Process process_;
  std::unique_ptr<Output> output_;
};

/// "exited with 3", "was killed by signal 9".
std::string describe_end(const fcvm_process_status& status);

}  // namespace fcvm::rootless
