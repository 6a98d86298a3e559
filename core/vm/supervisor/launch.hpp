// Launch: from a plan to a booted guest that has been told what to become. Blocking, so it runs on
// a worker; each step leaves nothing behind that its owner does not undo.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>

#include "core/plugin/services.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/memory/clone_memory.hpp"
#include "core/vm/model/run_plan.hpp"
#include "core/vm/store/store.hpp"
#include "core/vm/supervisor/image_source.hpp"
#include "core/vm/supervisor/machine.hpp"
#include "core/vm/supervisor/machine_saver.hpp"
#include "core/vm/supervisor/network.hpp"
#include "core/vm/supervisor/supervisor.hpp"
#include "core/vm/supervisor/vmm_jail.hpp"

namespace fcvm::vm {

class Launch {
 public:
  /// `processes` is where the VMM runs, in a jail; the other plugins have `services`.
  Launch(const SupervisorContext& context, const RunPlan& plan, std::string id,
         plugin::Services services, plugin::ProcessKeeper& processes)
      : context_(context),
        plan_(plan),
        id_(std::move(id)),
        services_(services),
        processes_(processes) {}
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;
  ~Launch() { settle(); }

  /// Makes the VM's network, and meanwhile fetches the image and makes the VM's directory: disks,
  /// and links to the guest's parts.
  Result<void> prepare();
  /// Starts the VMM.
  Result<void> start();
  /// What the guest is to become; the VMM runs already.
  [[nodiscard]] wire::BootPlan boot_plan(const std::string& agent);
  /// What has to be new in a clone; its VMM runs already.
  [[nodiscard]] wire::Resumed clone_news() const;

  /// From any thread: makes all steps up to settle() fail soon.
  void cancel();
  /// Launched or failed: from here on a cancel would meet what undoes it all.
  void settle();
  [[nodiscard]] bool cancelled() const { return cancelled_; }

  /// How long a plugin may take to end its VMM.
  static constexpr std::chrono::seconds kKillLimit{10};
  /// Kills the VMM, if one was started; it is reaped on return.
  void end_machine();
  /// Undoes what the network made on the host; the VMM has ended.
  void end_network();

  [[nodiscard]] Machine& machine() { return *machine_; }
  /// Why its memory ended the VMM of a clone, if it did.
  [[nodiscard]] std::optional<std::string> memory_failure() const;
  /// Null when the VM has none.
  [[nodiscard]] Network* network() { return network_.get(); }
  [[nodiscard]] const ImageSource::Image& image() const { return image_; }
  [[nodiscard]] std::vector<ImageDisk> image_disks() const;
  /// Of the machine that runs, into that directory.
  [[nodiscard]] MachineSaver saver(std::filesystem::path directory) const;
  /// Without a command, the container is not checked.
  [[nodiscard]] const wire::HealthCheck& health() const { return health_; }
  /// As a plan that needs no image to say the same.
  [[nodiscard]] HealthPlan settled_health() const;

 private:
  template <typename Verbs>
  Result<std::unique_ptr<plugin::Instance<Verbs>>> make_plugin(const std::string& id,
                                                               plugin::Services services);
  Result<void> link(const std::filesystem::path& target, const char* name);
  Result<void> copy(const std::string& disk, const std::string& name);
  Result<void> keep_disks();
  Result<ImageSource::Image> resolve_image();
  Result<void> fetch_image();
  Result<void> find_saved_image();
  Result<void> hold_shared_files();
  [[nodiscard]] std::filesystem::path held(const std::filesystem::path& file) const;
  Result<void> place_image();
  Result<void> prepare_files();
  Result<void> take_from_snapshot(const RestorePlan& from);
  Result<std::unique_ptr<CloneMemory>> make_memory(const RestorePlan& from);
  [[nodiscard]] Result<Fd> vmm_directory() const;
  Result<void> restore(fcvm_vm_spec& spec, const RestorePlan& from);
  Result<void> make_network();
  Result<void> attach_network();
  Result<void> publish_exposed();
  wire::ContainerSpec container(const std::string& agent);
  void cancel_again();

  const SupervisorContext& context_;
  const RunPlan& plan_;
  const std::string id_;
  const plugin::Services services_;
  plugin::ProcessKeeper& processes_;
  VmmJail jail_;  // outlives the machine

  std::mutex mutex_;  // of the pointers that cancel() uses
  std::unique_ptr<ImageSource> images_;
  std::unique_ptr<CloneMemory> memory_;  // outlives the machine
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Network> network_;
  std::atomic<bool> cancelled_{false};
  bool is_settled_ = false;
  std::condition_variable settled_;
  std::thread canceller_;
  ImageSource::Image image_;
  std::map<std::filesystem::path, Fd> held_;  // what a clone shares with its snapshot
  wire::HealthCheck health_;
  wire::Network guest_network_;
  std::vector<std::string> guest_proxies_;
};

}  // namespace fcvm::vm
