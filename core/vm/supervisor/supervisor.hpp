// Supervisor: the owner of one VM, from its record to its end. `fcvm podman run` is this.
//
// Threads: the control thread (run(), a loop: signals, timers, the control socket, the VMM's
// pidfd), one that reads the guest's events, one that moves output, one on which blocking plugin
// verbs run, and a pool of those that dial the guest. Whatever changes the VM's state is posted to
// the control thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/services.hpp"
#include "core/vm/model/run_plan.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::vm {

struct SupervisorContext {
  Store& store;
  const plugin::Registry& registry;
  const config::Config& config;
  /// Makes a VM's writable disk: a sparse file system.
  std::function<Result<void>(const std::filesystem::path& path, std::uint64_t bytes)> make_disk;
  plugin::ProgressService* progress = nullptr;
  /// The program that serves mapped directories.
  std::filesystem::path fusepipe{};
  /// For image plugins.
  plugin::BuilderService* builder = nullptr;
  /// What the start has come to, for people: "booting the guest"; empty once the
  /// container may speak. From the control thread.
  std::function<void(const std::string&)> on_stage{};
  /// Called with the VM's record once its container runs.
  std::function<void(const Record&)> on_started{};
  /// And once all gates have passed as well, at once without any: a detached run lets its caller
  /// go.
  std::function<void(const Record&)> on_ready{};
  /// Instead of on_started: podman or the runtime in the guest could not start the command. What
  /// they said of it, as far as a log has kept it.
  std::function<void(int code, const std::string& why)> on_never_began{};
  /// Instead of on_ready: the container ended before its gates had passed.
  std::function<void(const std::string& why)> on_never_ready{};
  /// The stream of the one who runs the container, when it is attached and not at our own standard
  /// descriptors; see attachments.hpp. It gets the outcome, too.
  Fd attached{};
  /// The id of the VM that is started again, or was made by `fcvm create`; empty: a new one.
  std::string again{};
  /// It has left, and the container goes on.
  std::function<void(const Record&)> on_detached{};
};

class Supervisor {
 public:
  Supervisor(SupervisorContext context, RunPlan plan);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  /// Runs the VM to its end; the container's exit code. An error means that fcvm, the VM or the
  /// guest failed. Nothing is left on the host either way, but the record and logs of a container
  /// that was not run with --rm.
  [[nodiscard]] Result<int> run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fcvm::vm
