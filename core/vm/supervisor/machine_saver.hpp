// MachineSaver: writes the files of a snapshot: what the VMM says of the machine, its memory, its
// disks, and links to what it shares with others. Owns nothing.
//
// A VMM that its guest took over may have put anything into its own directory: what comes from
// there has to be a file that nothing else names.
#pragma once

#include <filesystem>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/model/run_plan.hpp"
#include "core/vm/supervisor/image_source.hpp"
#include "core/vm/supervisor/machine.hpp"

namespace fcvm::vm {

class MachineSaver {
 public:
  struct Machine {
    std::filesystem::path vmm_directory;
    GuestAssets assets;
    std::vector<ImageSource::Disk> image_disks;
  };
  MachineSaver(Machine machine, std::filesystem::path directory)
      : machine_(std::move(machine)), directory_(std::move(directory)) {}

  /// While the machine is paused. Nothing is left in the VMM's directory when it fails.
  Result<void> save(vm::Machine& machine, base::Deadline deadline) const;
  /// Afterwards, while it goes on: the rest, which does not change.
  Result<void> complete() const;

 private:
  Result<void> copy_disk(const std::string& name, base::Deadline deadline) const;
  Result<void> take(const char* name, const char* as) const;
  Result<void> share(const std::filesystem::path& file, const std::string& name) const;

  const Machine machine_;
  const std::filesystem::path directory_;
};

}  // namespace fcvm::vm
