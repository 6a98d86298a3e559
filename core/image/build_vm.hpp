// BuildVm: one VM for one command, from its directory to its end. Owns the VMM and the conversation
// with the guest's agent.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/image/build_directory.hpp"
#include "core/image/build_watch.hpp"
#include "core/image/builder.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/supervisor/machine.hpp"
#include "core/vm/supervisor/vmm_jail.hpp"

namespace fcvm::image {

/// The guest's word on how far it is: one that idles has done all that its plan said.
class GuestReadiness {
 public:
  void hear(const wire::Event& event);
  /// Until it idles, or has failed, or `check` does.
  Result<void> wait(const std::function<Result<void>()>& check);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_ready_ = false;
  std::optional<std::string> failed_;
};

class BuildVm {
 public:
  using Build = plugin::BuilderService::Build;
  using OutputHandler = plugin::GuestService::OutputHandler;

  /// Borrows all but the directory.
  BuildVm(const BuilderContext& context, const Build& build, const Call& call,
          BuildDirectory directory);
  BuildVm(const BuildVm&) = delete;
  BuildVm& operator=(const BuildVm&) = delete;
  ~BuildVm();

  /// Once. The command's exit code; the disks are written and the VM is gone on return.
  Result<int> run(const OutputHandler& output);

 private:
  Result<void> prepare();
  Result<void> link(const std::filesystem::path& target, const std::string& name) const;
  Result<void> start();
  Result<int> work(const OutputHandler& output);
  Result<void> power_off();
  void break_off();
  void end_machine();
  [[nodiscard]] wire::BootPlan boot_plan() const;
  [[nodiscard]] vm::DialGuest dialler();
  [[nodiscard]] std::vector<std::filesystem::path> written_directories() const;

  const BuilderContext& context_;
  const Build& build_;
  const Call& call_;
  BuildDirectory directory_;
  plugin::ProcessKeeper processes_;
  vm::VmmJail jail_;  // outlives the machine

  std::mutex mutex_;  // of the pointer and the pidfd, which break_off() uses
  std::unique_ptr<vm::Machine> machine_;
  Fd vmm_;

  GuestReadiness readiness_;
  std::unique_ptr<vm::GuestControl> control_;
  std::optional<BuildWatch> watch_;
};

}  // namespace fcvm::image
