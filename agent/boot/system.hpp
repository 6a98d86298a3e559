// System: what booting does to the machine, stage by stage.
//
// An interface, so that the services can be tested in an ordinary process, which must not mount,
// rename or power off anything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/container/oci_config.hpp"
#include "agent/container/prepared_start.hpp"
#include "core/wire/control.hpp"

namespace fcvm::agent {

class System {
 public:
  struct Stage {
    std::string name;
    std::function<Result<void>(const wire::BootPlan&)> run;
  };

  virtual ~System() = default;
  /// In order, up to where the container's image can be loaded.
  virtual std::vector<Stage> stages() = 0;
  /// All processes that are not the agent's own stand still, until thaw().
  virtual Result<void> freeze() = 0;
  virtual Result<void> thaw() = 0;
  /// `container` is its first process, or -1.
  virtual Result<void> resumed(const wire::Resumed& news, pid_t container) = 0;
  /// The command that loads the image; empty when there is nothing to load.
  virtual Result<std::vector<std::string>> load_command(const wire::BootPlan& plan) = 0;
  /// A start that needs no podman; fails, and says why, where podman has to run the container.
  virtual Result<std::unique_ptr<PreparedStart>> prepare_start(const wire::BootPlan& plan) = 0;
  /// The command that runs the container and ends with its exit code.
  virtual std::vector<std::string> run_command(const wire::BootPlan& plan) = 0;
  /// Where run_command writes the container's pid; empty: the command is the container.
  virtual std::string pid_file() = 0;
  /// The command that prints when the container began, in seconds of Unix, and nothing positive if
  /// it did not; empty: its exit code alone tells.
  virtual std::vector<std::string> began_command(const wire::BootPlan& plan) = 0;
  /// How the container whose first process is `pid` runs, so that exec can join it.
  virtual int stop_signal(pid_t pid) = 0;
  virtual Result<OciConfig> container_config(pid_t pid) = 0;
  virtual void sync() = 0;
  [[noreturn]] virtual void power_off() = 0;
};

}  // namespace fcvm::agent
