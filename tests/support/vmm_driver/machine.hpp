// Machine: owns one instance of a VMM plugin, and its VM, in a directory of the caller's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/vmm.h>

#include "tests/support/vmm_driver/arguments.hpp"

namespace driver {

using fcvm::Result;

/// A plugin's file, loaded once.
const fcvm_plugin& load_plugin(const std::string& file);

class Machine {
 public:
  static Result<std::unique_ptr<Machine>> create(const Arguments& arguments,
                                                 const std::string& directory);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  Result<void> start();
  /// `memory` is a file or a page server's socket in the VM's directory; none: the snapshot's file.
  Result<void> restore(const std::string& from, const fcvm_memory_offer* memory, bool paused);
  Result<void> pause();
  Result<void> resume();
  /// Into the directory `to`: state, memory, version, and the writable disks.
  Result<void> snapshot(const std::string& to, std::uint32_t type);
  Result<void> set_balloon(std::uint64_t bytes);
  Result<fcvm_vm_balloon> balloon();
  Result<fcvm_vm_status> status();
  Result<fcvm::Fd> connect(std::uint32_t port);
  Result<void> kill();
  [[nodiscard]] int directory() const { return directory_fd_.get(); }

 private:
  Machine(const Arguments& arguments, std::string directory);

  Result<void> link(const std::string& target, const std::string& name);
  Result<void> prepare(const std::string& disks_from);
  fcvm_vm_spec spec() const;
  [[nodiscard]] std::int64_t deadline() const;
  Result<void> answer(std::int32_t code) const;

  const Arguments& arguments_;
  const std::string directory_;
  fcvm::Fd directory_fd_;
  const fcvm_plugin& plugin_;
  void* instance_ = nullptr;
  const fcvm_vmm_v1* verbs_ = nullptr;
  fcvm_error error_;
  std::vector<std::string> disk_names_;
  std::vector<fcvm_disk> disks_;
  std::vector<const fcvm_disk*> disk_pointers_;
};

}  // namespace driver
