// Jailer: process/1 for one VM's VMM. Owns what it changed on the host for the VMM's user, and puts
// that back when the VMM has ended.
//
// The plugin need not know of it: every process gets the files of the VM's specification, what the
// plugin lists besides, and the process's directory.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/jail/jail.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/plugin/vm_files.hpp"

namespace fcvm::plugin {

struct JailSettings {
  /// What every VMM may read besides: for programs in unusual places.
  std::vector<std::string> files;
  /// Without as good a jail no VMM is started.
  base::JailLevel at_least = base::JailLevel::kNone;
  /// The VM's own, where this process may become it; and the group of all such users.
  std::optional<uid_t> uid;
  gid_t readers = 0;
};

class Jailer final : public ProcessService {
 public:
  Jailer(ProcessKeeper& keeper, JailSettings settings)
      : keeper_(keeper), settings_(std::move(settings)) {}
  Jailer(const Jailer&) = delete;
  Jailer& operator=(const Jailer&) = delete;
  ~Jailer() override;

  /// Before the VMM is started.
  void set_files(VmFiles files) { files_ = std::move(files); }

  Result<std::uint64_t> spawn(std::string_view owner, const fcvm_process_spec& spec) override;
  Result<fcvm_process_status> status(std::uint64_t handle) override {
    return keeper_.status(handle);
  }
  Result<void> signal(std::uint64_t handle, int number) override {
    return keeper_.signal(handle, number);
  }
  int pidfd(std::uint64_t handle) override { return keeper_.pidfd(handle); }
  void release(std::uint64_t handle, std::chrono::nanoseconds grace) override;

 private:
  Result<base::Jail> jail_for(const fcvm_process_spec& spec);
  Result<void> add_directory(base::Jail& jail, int directory_fd);
  Result<void> add_files(base::Jail& jail);
  Result<void> add_items(base::Jail& jail, const fcvm_process_spec& spec);
  Result<void> add(base::Jail& jail, const std::string& inside, const std::string& path,
                   bool writable);
  void add_devices(base::Jail& jail) const;
  Result<void> let_write(const std::string& path);
  Result<void> let_read(const std::string& path) const;
  Result<void> settle_for(const base::JailOutcome& less, const fcvm_process_spec& spec);
  Result<void> take_back_files();
  void give_back(int directory_fd) const;

  ProcessKeeper& keeper_;
  JailSettings settings_;
  VmFiles files_;
  std::mutex mutex_;
  std::map<std::uint64_t, base::Fd> directories_;  // by handle; given to the VMM's user
  std::vector<std::string> given_;                 // likewise, outside of directories
};

/// Whether this process may become `uid`, and make what a jail with it needs.
[[nodiscard]] bool may_become(uid_t uid);

}  // namespace fcvm::plugin
