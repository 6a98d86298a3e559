// How a VM begins: started from a specification, or loaded from a snapshot. See vm.hpp.
#include <fcntl.h>

#include "core/base/io/file.hpp"
#include "plugins/vmm/common/program.hpp"
#include "plugins/vmm/firecracker/kernel.hpp"
#include "plugins/vmm/firecracker/vm.hpp"

namespace fcvm::firecracker {

namespace {

constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint32_t kMaxCpus = 32;
constexpr std::size_t kLongestTemplate = 512 * 1024;

Result<void> check_size(const fcvm_vm_spec& spec) {
  if (spec.cpus == 0 || spec.cpus > kMaxCpus) {
    return fail(EINVAL, "Firecracker VMs have 1 to " + std::to_string(kMaxCpus) + " CPUs, not " +
                            std::to_string(spec.cpus));
  }
  const bool huge = (spec.flags & FCVM_VM_HUGEPAGES) != 0;
  const std::uint64_t unit = huge ? 2 * kMib : kMib;
  if (spec.memory_bytes == 0 || spec.memory_bytes % unit != 0) {
    return fail(EINVAL, std::to_string(spec.memory_bytes) + " bytes of memory are no multiple of " +
                            std::to_string(unit / kMib) + " MiB");
  }
  if (spec.balloon_bytes >= spec.memory_bytes) {
    return fail(EINVAL, "the balloon is as large as the VM's memory");
  }
  return {};
}

/// A name and not a path: it is bound, dialed and removed in the VM's own directory.
Result<void> check_guest_socket_name(const fcvm_vm_spec& spec) {
  const std::string name = spec.guest_socket == nullptr ? "" : spec.guest_socket;
  if (spec.guest_socket == nullptr || (!name.empty() && name.find('/') == std::string::npos)) {
    return {};
  }
  return fail(EINVAL, "the guest socket \"" + name + "\" is not a name in the VM's directory");
}

Result<void> check_huge_pages(const fcvm_vm_spec& spec, const Version& version) {
  if ((spec.flags & FCVM_VM_HUGEPAGES) == 0) return {};
  if (spec.initrd != nullptr && !version.has_huge_pages_with_initrd()) {
    return fail(ENOTSUP, "Firecracker " + version.text + " boots no initrd with huge pages",
                "install Firecracker 1.11 or newer, or go without huge pages");
  }
  if (spec.balloon_bytes != 0 && !has_balloon(spec, version)) {
    return fail(ENOTSUP, "Firecracker " + version.text + " has no balloon with huge pages",
                "install Firecracker 1.14 or newer, or go without one of them");
  }
  return {};
}

Result<void> must_exist(int directory, const char* name, const char* what, const char* fix) {
  if (name == nullptr) return fail(EINVAL, std::string("no file is named for the ") + what);
  if (::faccessat(directory, name, R_OK, 0) == 0) return {};
  return fail_errno(std::string("reading the ") + what + " " + name, fix);
}

Result<void> check_files(const fcvm_vm_spec& spec) {
  if (spec.initrd != nullptr) {
    FCVM_TRY(must_exist(spec.directory_fd, spec.initrd, "initrd", "run `fcvm setup`"));
  }
  for (const auto& disk : sized_elements(spec.disks, spec.disk_count)) {
    FCVM_TRY(must_exist(spec.directory_fd, disk.path, "disk", ""));
  }
  return {};
}

/// Firecracker exits when one of them is missing; and a snapshot with huge pages cannot be mapped.
Result<void> check_sources(const fcvm_vm_spec& spec, const fcvm_vm_restore& from) {
  const auto memory = sized_copy(from.memory);
  FCVM_TRY(must_exist(spec.directory_fd, from.device_state, "snapshot's state",
                      "make the snapshot again"));
  const bool file = memory.type == FCVM_MEMORY_FROM_FILE;
  FCVM_TRY(must_exist(spec.directory_fd, memory.path,
                      file ? "snapshot's memory" : "page server's socket",
                      file ? "make the snapshot again" : "start the page server again"));
  if (file && (spec.flags & FCVM_VM_HUGEPAGES) != 0) {
    return fail(ENOTSUP, "Firecracker cannot map a snapshot with huge pages from a file",
                "restore it through a page server");
  }
  return {};
}

/// Not worth failing for: then only snapshots of the very same version are taken.
std::string ask_snapshot_format(const Host& host, const std::string& binary, const Call& call) {
  const auto output = vmm::version_output(host, binary, call, "--snapshot-version");
  return output ? parse_snapshot_format(*output) : std::string();
}

Result<std::string> read_template(const std::string& name) {
  if (name.find_first_of("/.") == std::string::npos) return std::string();
  return base::read_file(name, kLongestTemplate) | context("reading the CPU template");
}

}  // namespace

Result<Binary> find_binary(const Host& host, const Options& options, const Call& call) {
  Binary found;
  found.path = FCVM_TRY(vmm::find_program(options.binary, kInstall));
  const std::string output = FCVM_TRY(vmm::version_output(host, found.path, call));
  found.version =
      FCVM_TRY(parse_version(output) | context("asking " + found.path + " for its version"));
  return found;
}

Vm::Vm(const Host& host, const fcvm_vm_spec& spec, const Options& options)
    : host_(host),
      memory_bytes_(spec.memory_bytes),
      guest_socket_(spec.guest_socket == nullptr ? "" : spec.guest_socket),
      has_nic_(has_nic(spec)),
      counts_balloon_(options.balloon_stats >= std::chrono::seconds(1)) {}

Result<void> Vm::launch(const Options& options, const fcvm_vm_spec& spec, const Call& call) {
  process_ = FCVM_TRY(VmmProcess::launch(host_, options, binary_, version_, spec));
  client_ = std::make_unique<HttpClient>(process_->directory(), VmmProcess::kApiSocket);
  return process_->await_socket(*client_, options.start_timeout, call);
}

Result<std::shared_ptr<Vm>> Vm::start(const Host& host, const Options& options,
                                      const fcvm_vm_spec& spec, const Call& call) {
  auto binary = FCVM_TRY(find_binary(host, options, call));
  if (!binary.version.supported()) return unexpected(too_old(binary.path, binary.version));
  FCVM_TRY(check_guest_socket_name(spec));
  FCVM_TRY(check_size(spec));
  FCVM_TRY(check_huge_pages(spec, binary.version));
  FCVM_TRY(check_files(spec));
  const std::string kernel = FCVM_TRY(choose_kernel(spec, binary.version));
  const std::string cpu_config = FCVM_TRY(read_template(options.cpu_template));
  const BootPlan plan{spec,
                      options,
                      binary.version,
                      kernel,
                      kernel_command_line(spec.command_line, options.pci),
                      cpu_config};
  const auto requests = FCVM_TRY(boot_requests(plan));
  const std::shared_ptr<Vm> vm(new Vm(host, spec, options));
  vm->binary_ = binary.path;
  vm->version_ = binary.version;
  vm->has_balloon_ = has_balloon(spec, binary.version);
  if (spec.metadata_json != nullptr && !vm->has_nic_) {
    host.debug("the VM has no network interface, and so no metadata service");
  }
  FCVM_TRY(vm->launch(options, spec, call));
  for (const Request& request : requests) FCVM_TRY(vm->ask(request, "starting the VM", call));
  // While the guest boots.
  vm->version_.snapshot_format = ask_snapshot_format(host, binary.path, call);
  return vm;
}

Result<std::shared_ptr<Vm>> Vm::restore(const Host& host, const Options& options,
                                        const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                                        const Call& call) {
  auto binary = FCVM_TRY(find_binary(host, options, call));
  if (!binary.version.supported()) return unexpected(too_old(binary.path, binary.version));
  binary.version.snapshot_format = ask_snapshot_format(host, binary.path, call);
  FCVM_TRY(check_snapshot_version(from.vmm_version == nullptr ? "" : from.vmm_version,
                                  from.snapshot_format == nullptr ? "" : from.snapshot_format,
                                  binary.version));
  FCVM_TRY(check_guest_socket_name(spec));
  FCVM_TRY(check_sources(spec, from));
  const std::shared_ptr<Vm> vm(new Vm(host, spec, options));
  vm->binary_ = binary.path;
  vm->version_ = binary.version;
  vm->has_balloon_ = has_balloon(spec, binary.version);
  FCVM_TRY(vm->launch(options, spec, call));
  FCVM_TRY(vm->load(spec, from, call));
  return vm;
}

/// The metadata document is put back before the guest can ask for it, so it resumes afterwards.
Result<void> Vm::load(const fcvm_vm_spec& spec, const fcvm_vm_restore& from, const Call& call) {
  const bool paused = (spec.flags & FCVM_VM_START_PAUSED) != 0;
  const bool metadata = spec.metadata_json != nullptr && has_nic_;
  const Request request = FCVM_TRY(load_request(spec, from, version_, !paused && !metadata));
  FCVM_TRY(ask(request, "loading the snapshot", call));
  paused_ = streams_lost_ = paused;
  FCVM_TRY(check_guest_socket());
  if (!metadata) return {};
  const Request document = FCVM_TRY(metadata_request(spec.metadata_json));
  FCVM_TRY(ask(document, "putting the metadata back", call));
  if (!paused) FCVM_TRY(ask(resume_request(), "resuming the VM", call));
  return {};
}

/// Before 1.16 a snapshot opens the socket that it has inside, wherever fcvm wants it.
Result<void> Vm::check_guest_socket() const {
  if (guest_socket_.empty() ||
      ::faccessat(process_->directory(), guest_socket_.c_str(), F_OK, 0) == 0) {
    return {};
  }
  return fail(ENOENT,
              "loading the snapshot: it did not open the guest socket " + guest_socket_ +
                  ", so it has another one inside",
              "make the snapshot again, or install Firecracker 1.16, which can move the socket");
}

}  // namespace fcvm::firecracker
