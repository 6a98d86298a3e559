// See machine.hpp.
#include "tests/support/vmm_driver/machine.hpp"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <filesystem>

#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/sized.hpp>

#include "core/base/io/file.hpp"
#include "tests/support/vmm_driver/settings.hpp"
#include "tests/support/vmm_host.hpp"

namespace driver {

namespace {

namespace fs = std::filesystem;
using fcvm::fail;

constexpr const char* kState = "state";
constexpr const char* kMemory = "memory";
constexpr const char* kVersion = "version";

Result<void> copy_disk(const fs::path& from, const fs::path& to) {
  const std::string command =
      "cp --sparse=always --reflink=auto '" + from.string() + "' '" + to.string() + "'";
  if (std::system(command.c_str()) == 0) return {};
  return fail(EIO, "copying " + from.string() + " to " + to.string());
}

}  // namespace

const fcvm_plugin& load_plugin(const std::string& file) {
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* entry = handle == nullptr ? nullptr : ::dlsym(handle, FCVM_ENTRY_SYMBOL);
  if (entry == nullptr) {
    std::fprintf(stderr, "vmm_driver: %s\n", ::dlerror());
    std::exit(2);
  }
  return *reinterpret_cast<fcvm_plugin_entry_fn>(entry)();
}

Machine::Machine(const Arguments& arguments, std::string directory)
    : arguments_(arguments),
      directory_(std::move(directory)),
      plugin_(load_plugin(arguments.plugin)),
      error_(fcvm::sized<fcvm_error>()) {}

Result<std::unique_ptr<Machine>> Machine::create(const Arguments& arguments,
                                                 const std::string& directory) {
  std::unique_ptr<Machine> made(new Machine(arguments, directory));
  FCVM_TRY(fcvm::base::make_directories(directory, 0700));
  made->directory_fd_ = FCVM_TRY(fcvm::base::open_file(directory, O_RDONLY | O_DIRECTORY));
  const Settings settings(made->plugin_, arguments.settings);
  FCVM_TRY(made->answer(made->plugin_.create(fcvm::test::vmm_host(), settings.get(),
                                             &made->instance_, &made->error_)));
  made->verbs_ = static_cast<const fcvm_vmm_v1*>(made->plugin_.verbs(FCVM_KIND_VMM));
  return made;
}

Machine::~Machine() { plugin_.destroy(&instance_); }

std::int64_t Machine::deadline() const {
  return fcvm::monotonic_now() + std::int64_t{arguments_.seconds} * 1'000'000'000;
}

Result<void> Machine::answer(std::int32_t code) const {
  if (code == 0) return {};
  return fcvm::unexpected(fcvm::take_error(code, error_));
}

Result<void> Machine::link(const std::string& target, const std::string& name) {
  if (target.empty()) return {};
  std::error_code error;
  const fs::path at = fs::path(directory_) / name;
  fs::remove(at, error);
  fs::create_symlink(fs::absolute(target), at, error);
  if (error) return fail(error.value(), "linking " + at.string() + ": " + error.message());
  return {};
}

/// A clone has its writable disks from the snapshot.
Result<void> Machine::prepare(const std::string& disks_from) {
  FCVM_TRY(link(arguments_.kernel, "kernel"));
  FCVM_TRY(link(arguments_.kernel_elf, "kernel.elf"));
  FCVM_TRY(link(arguments_.initrd, "initrd"));
  for (const Disk& disk : arguments_.disks) {
    disk_names_.push_back(disk.id + ".img");
    const std::string& name = disk_names_.back();
    if (!disks_from.empty() && !disk.read_only) {
      FCVM_TRY(copy_disk(fs::path(disks_from) / name, fs::path(directory_) / name));
    } else {
      FCVM_TRY(link(disk.path, name));
    }
  }
  for (std::size_t i = 0; i < arguments_.disks.size(); ++i) {
    auto disk = fcvm::sized<fcvm_disk>();
    disk.id = arguments_.disks[i].id.c_str();
    disk.path = disk_names_[i].c_str();
    disk.flags = arguments_.disks[i].read_only ? FCVM_DISK_READ_ONLY : FCVM_DISK_CACHE_UNSAFE;
    disks_.push_back(disk);
  }
  for (const fcvm_disk& disk : disks_) disk_pointers_.push_back(&disk);
  return {};
}

fcvm_vm_spec Machine::spec() const {
  auto spec = fcvm::sized<fcvm_vm_spec>();
  spec.vm_id = "driven";
  spec.directory_fd = directory_fd_.get();
  spec.cpus = arguments_.cpus;
  spec.memory_bytes = arguments_.memory_bytes;
  spec.kernel = arguments_.kernel.empty() ? nullptr : "kernel";
  spec.kernel_elf = arguments_.kernel_elf.empty() ? nullptr : "kernel.elf";
  spec.initrd = arguments_.initrd.empty() ? nullptr : "initrd";
  spec.command_line = arguments_.command_line.c_str();
  spec.console = "console.log";
  spec.guest_socket = "guest.sock";
  spec.disks = disk_pointers_.data();
  spec.disk_count = static_cast<std::uint32_t>(disk_pointers_.size());
  return spec;
}

Result<void> Machine::start() {
  FCVM_TRY(prepare(""));
  const auto wanted = spec();
  fcvm::test::jail_for(wanted, nullptr);
  return answer(verbs_->start(instance_, &wanted, deadline(), &error_));
}

Result<void> Machine::restore(const std::string& from, const fcvm_memory_offer* memory,
                              bool paused) {
  if (verbs_->restore == nullptr) return fail(ENOTSUP, "the plugin restores no VMs");
  FCVM_TRY(prepare(from));
  FCVM_TRY(link(from + "/" + kState, kState));
  if (memory == nullptr) FCVM_TRY(link(from + "/" + kMemory, kMemory));
  const std::string version = FCVM_TRY(fcvm::base::read_file(from + "/" + kVersion));
  auto backing = fcvm::sized<fcvm_memory_source>();
  backing.type = memory == nullptr ? FCVM_MEMORY_FROM_FILE : memory->type;
  backing.path = memory == nullptr ? kMemory : memory->path;
  auto wanted = spec();
  if (paused) wanted.flags = FCVM_VM_START_PAUSED;
  auto snapshot = fcvm::sized<fcvm_vm_restore>();
  snapshot.device_state = kState;
  snapshot.memory = &backing;
  snapshot.vmm_version = version.c_str();
  fcvm::test::jail_for(wanted, &snapshot);
  return answer(verbs_->restore(instance_, &wanted, &snapshot, deadline(), &error_));
}

Result<void> Machine::pause() { return answer(verbs_->pause(instance_, deadline(), &error_)); }

Result<void> Machine::resume() { return answer(verbs_->resume(instance_, deadline(), &error_)); }

Result<void> Machine::snapshot(const std::string& to, std::uint32_t type) {
  if (verbs_->snapshot == nullptr) return fail(ENOTSUP, "the plugin makes no snapshots");
  FCVM_TRY(fcvm::base::make_directories(to, 0700));
  auto wanted = fcvm::sized<fcvm_vm_snapshot>();
  wanted.type = type;
  wanted.device_state = "new-state";
  wanted.memory = "new-memory";
  FCVM_TRY(answer(verbs_->snapshot(instance_, &wanted, deadline(), &error_)));
  std::error_code error;
  fs::rename(fs::path(directory_) / wanted.device_state, fs::path(to) / kState, error);
  if (!error) fs::rename(fs::path(directory_) / wanted.memory, fs::path(to) / kMemory, error);
  if (error) return fail(error.value(), "keeping the snapshot: " + error.message());
  for (std::size_t i = 0; i < arguments_.disks.size(); ++i) {
    if (arguments_.disks[i].read_only) continue;
    FCVM_TRY(copy_disk(fs::path(directory_) / disk_names_[i], fs::path(to) / disk_names_[i]));
  }
  const auto now = FCVM_TRY(status());
  return fcvm::base::write_file_atomic(to + "/" + kVersion, fcvm::text_of(now.vmm_version));
}

Result<void> Machine::set_balloon(std::uint64_t bytes) {
  return answer(verbs_->set_balloon(instance_, bytes, deadline(), &error_));
}

Result<fcvm_vm_balloon> Machine::balloon() {
  auto figures = fcvm::sized<fcvm_vm_balloon>();
  FCVM_TRY(answer(verbs_->balloon(instance_, deadline(), &figures, &error_)));
  return figures;
}

Result<fcvm_vm_status> Machine::status() {
  auto now = fcvm::sized<fcvm_vm_status>();
  FCVM_TRY(answer(verbs_->status(instance_, &now, &error_)));
  return now;
}

Result<fcvm::Fd> Machine::connect(std::uint32_t port) {
  std::int32_t fd = -1;
  FCVM_TRY(answer(verbs_->connect(instance_, port, deadline(), &fd, &error_)));
  return fcvm::Fd(fd);
}

Result<void> Machine::kill() { return answer(verbs_->kill(instance_, deadline(), &error_)); }

}  // namespace driver
