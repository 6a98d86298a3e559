// GuestMemory: owns what the plugin holds of a VM's RAM: the file that QEMU maps, and in a restored
// VM the snapshot's file, which QEMU maps privately in its place (memory_fds.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include <fcvm/host.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/vmm.h>

namespace fcvm::qemu {

class GuestMemory {
 public:
  /// Nothing yet; what is made below takes its place.
  GuestMemory() = default;
  /// Empty RAM: the specification's memory file, or anonymous.
  static Result<GuestMemory> fresh(const fcvm_vm_spec& spec);
  /// RAM as the snapshot has it. Fails before QEMU starts when the source cannot serve this VM.
  static Result<GuestMemory> restored(const fcvm_vm_spec& spec, const fcvm_memory_source& source);

  /// What QEMU has to find open, in its jail, and in its environment (nothing: the host's choice).
  [[nodiscard]] std::vector<fcvm_passed_fd> passed() const;
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::vector<std::string> environment() const;
  /// Once QEMU runs: fails unless it has mapped what it was to map.
  Result<void> confirm();
  /// Why QEMU did not map it, or "".
  [[nodiscard]] std::string complaint();

  /// Writes all of RAM to a new file, without the pages that are zero. The VM is paused.
  Result<void> save(int directory, const std::string& name, pid_t qemu, const Call& call) const;

 private:
  Result<void> save_clone(const Fd& to, pid_t qemu, const Call& call) const;
  void read_report();

  std::uint64_t size_ = 0;
  std::string source_;  // for kMemoryVariable; empty: QEMU maps ram_ itself
  std::string library_;
  Fd ram_;
  Fd snapshot_;
  Fd watcher_;        // /dev/userfaultfd, which QEMU may not open itself
  Fd report_;         // what the library says
  Fd report_writer_;  // until QEMU has its own
  std::string said_;
  std::uint64_t address_ = 0;  // of the RAM in QEMU, when restored
};

}  // namespace fcvm::qemu
