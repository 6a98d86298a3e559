// See command_line.hpp.
#include "plugins/vmm/qemu/command_line.hpp"

#include <algorithm>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "plugins/vmm/qemu/binary.hpp"
#include "plugins/vmm/qemu/memory_fds.hpp"

namespace fcvm::qemu {

namespace {

/// QEMU's option syntax ends a value at a comma, unless it is doubled.
std::string quoted(const char* value) {
  std::string text;
  for (const char* at = value; *at != '\0'; ++at) text.append(*at == ',' ? 2 : 1, *at);
  return text;
}

/// Where the devices sit: a PCI slot on q35 and virt, a virtio-mmio transport on microvm. An index
/// is never given to another device, whatever else the VM has.
enum Place : unsigned { kSerial = 1, kRng = 2, kBalloon = 3, kFirstDisk = 4, kFirstNic = 18 };

class Builder {
 public:
  Builder(const Platform& platform, const fcvm_vm_spec& spec)
      : platform_(platform), spec_(spec), mmio_(platform.machine == "microvm") {}

  Builder& add(std::initializer_list<std::string> arguments) {
    arguments_.insert(arguments_.end(), arguments);
    return *this;
  }
  /// -device virtio-<type>-pci,addr=... or virtio-<type>-device,bus=...
  Builder& virtio(const std::string& type, unsigned place, const std::string& properties) {
    char slot[8];
    std::snprintf(slot, sizeof slot, "0x%x", place);
    const std::string where =
        mmio_ ? "virtio-" + type + "-device,bus=virtio-mmio-bus." + std::to_string(place)
              : "virtio-" + type + "-pci,bus=pcie.0,addr=" + slot;
    return add({"-device", where + "," + properties});
  }
  void machine();
  void memory();
  void kernel();
  void channels();
  void limit(const std::string& group, const fcvm_rate_limit& given);
  void disk(std::uint32_t index, const fcvm_disk& disk);
  void nic(std::uint32_t index, const fcvm_nic& nic);
  std::vector<std::string> take() { return std::move(arguments_); }

 private:
  const Platform& platform_;
  const fcvm_vm_spec& spec_;
  const bool mmio_;
  std::vector<std::string> arguments_;
};

/// QEMU's own translation cache is up to 1 GiB, which a guest fills within minutes.
std::string accelerator_words(const Platform& platform) {
  if (platform.kvm) return "kvm";
  const auto mebibytes = platform.translation_cache.count >> 20;
  return std::string(platform.one_thread ? "tcg,thread=single" : "tcg,thread=multi") +
         ",tb-size=" + std::to_string(mebibytes);
}

/// Only what a VM needs: each device less is time less in firmware and kernel.
void Builder::machine() {
  std::string machine = platform_.machine;
  if (machine == "microvm") {
    // The option ROMs do nothing that qboot does not do faster; ACPI tells stock kernels where the
    // virtio-mmio transports are.
    machine += ",acpi=on,x-option-roms=off,auto-kernel-cmdline=off,rtc=on";
    add({"-bios", "qboot.rom", "-global", "virtio-mmio.force-legacy=false"});
  } else if (machine == "q35") {
    machine += ",usb=off,vmport=off,smbus=off,sata=off,graphics=off,smm=off,hpet=off";
  } else {
    machine += ",gic-version=max";
  }
  add({"-machine", machine + ",memory-backend=ram"});
  add({"-accel", accelerator_words(platform_), "-cpu", platform_.cpu});
  add({"-smp", "cpus=" + std::to_string(spec_.cpus)});
  if (platform_.machine == "q35") add({"-device", "vmgenid,id=generation,guid=auto"});
}

/// Always a file that QEMU takes for shared, whose contents snapshots therefore leave out of the
/// device state. What lies behind the descriptor is GuestMemory's business.
void Builder::memory() {
  const std::string size = std::to_string(spec_.memory_bytes);
  add({"-m", "size=" + size + "b"});
  add({"-object", "memory-backend-file,id=ram,share=on,dump=off,merge=off,mem-path=/proc/self/fd/" +
                      std::to_string(kMemoryFd) + ",size=" + size});
}

void Builder::kernel() {
  if (spec_.kernel == nullptr) return;
  add({"-kernel", spec_.kernel});
  if (spec_.initrd != nullptr) add({"-initrd", spec_.initrd});
  add({"-append", kernel_command_line(platform_, spec_)});
}

void Builder::channels() {
  add({"-chardev", "socket,id=qmp,fd=" + std::to_string(kQmpFd), "-mon",
       "chardev=qmp,mode=control"});
  if (spec_.console != nullptr) {
    // A pipe, which the plugin empties: a file would grow as long as the guest likes. Appending,
    // since QEMU would truncate it otherwise, which a pipe refuses.
    add({"-add-fd", "set=1,fd=" + std::to_string(kConsoleFd), "-chardev",
         "file,id=console,path=/dev/fdset/1,append=on", "-serial", "chardev:console"});
  } else {
    add({"-serial", "none"});
  }
  virtio("serial", kSerial, "id=channels,max_ports=2");
  add({"-chardev", "socket,id=mux,fd=" + std::to_string(kMuxFd), "-device",
       std::string("virtserialport,bus=channels.0,nr=1,id=mux-port,chardev=mux,name=") +
           kMuxPortName});
  add({"-object", "rng-random,id=entropy,filename=/dev/urandom"});
  virtio("rng", kRng, "id=rng,rng=entropy");
  virtio("balloon", kBalloon, "id=balloon,deflate-on-oom=on,free-page-reporting=on");
}

/// Each disk has its own budget. QEMU's burst is the size of the bucket, which has to hold a second
/// of the rate at least.
void Builder::limit(const std::string& group, const fcvm_rate_limit& given) {
  std::string properties = "throttle-group,id=" + group;
  const auto add_rate = [&](const char* unit, std::uint64_t rate, std::uint64_t burst) {
    if (rate == 0) return;
    properties += std::string(",x-") + unit + "-total=" + std::to_string(rate);
    if (burst == 0) return;
    properties += std::string(",x-") + unit + "-total-max=" + std::to_string(rate + burst);
  };
  add_rate("bps", given.bytes_per_second, given.bytes_burst);
  add_rate("iops", given.operations_per_second, given.operations_burst);
  const auto add_direction = [&](const char* name, std::uint64_t rate) {
    if (rate != 0) properties += std::string(",x-") + name + "=" + std::to_string(rate);
  };
  // QEMU takes a total, or directions.
  if (given.bytes_per_second == 0) {
    add_direction("bps-read", given.read_bytes_per_second);
    add_direction("bps-write", given.write_bytes_per_second);
  }
  if (given.operations_per_second == 0) {
    add_direction("iops-read", given.read_operations_per_second);
    add_direction("iops-write", given.write_operations_per_second);
  }
  add({"-object", properties});
}

void Builder::disk(std::uint32_t index, const fcvm_disk& disk) {
  const std::string node = "disk" + std::to_string(index);
  const bool read_only = (disk.flags & FCVM_DISK_READ_ONLY) != 0;
  std::string block = "driver=raw,node-name=" + node + ",file.driver=file,discard=unmap";
  block += read_only ? ",read-only=on,file.locking=off" : ",detect-zeroes=unmap";
  if ((disk.flags & FCVM_DISK_CACHE_UNSAFE) != 0) block += ",cache.no-flush=on";
  add({"-blockdev", block + ",file.filename=" + quoted(disk.path)});
  std::string top = node;
  if (disk.limit != nullptr) {
    limit("limit-" + node, sized_copy(disk.limit));
    top = "limited-" + node;
    add({"-blockdev", "driver=throttle,discard=unmap,node-name=" + top + ",throttle-group=limit-" +
                          node + ",file=" + node + (read_only ? ",read-only=on" : "")});
  }
  virtio("blk", kFirstDisk + index,
         "id=dev-" + node + ",drive=" + top + ",discard=on,serial=" + quoted(disk.id));
}

void Builder::nic(std::uint32_t index, const fcvm_nic& nic) {
  const std::string name = "net" + std::to_string(index);
  std::string backend = "tap,id=" + name + ",script=no,downscript=no,ifname=" + quoted(nic.tap);
  // The kernel's own copying, where this user may have it; QEMU does without when it fails.
  if (platform_.kvm && ::access("/dev/vhost-net", R_OK | W_OK) == 0) backend += ",vhost=on";
  add({"-netdev", backend});
  std::string device = "id=dev-" + name + ",netdev=" + name;
  if (nic.mac != nullptr) device += std::string(",mac=") + quoted(nic.mac);
  if (nic.mtu != 0) device += ",host_mtu=" + std::to_string(nic.mtu);
  if (!mmio_) device += ",romfile=";
  virtio("net", kFirstNic + index, device);
}

Result<void> check(const fcvm_vm_spec& spec) {
  if (spec.cpus == 0 || spec.memory_bytes == 0) {
    return fail(EINVAL, "a VM needs at least one CPU and some memory");
  }
  if (spec.disk_count > kMaxDisks) {
    return fail(EINVAL, "QEMU VMs have room for " + std::to_string(kMaxDisks) + " disks, not for " +
                            std::to_string(spec.disk_count));
  }
  if (spec.nic_count > kMaxNics) {
    return fail(EINVAL, "QEMU VMs have room for " + std::to_string(kMaxNics) +
                            " network interfaces, not for " + std::to_string(spec.nic_count));
  }
  const auto nics = sized_elements(spec.nics, spec.nic_count);
  const auto limited = std::find_if(nics.begin(), nics.end(), [](const fcvm_nic& nic) {
    return nic.receive_limit != nullptr || nic.transmit_limit != nullptr;
  });
  if (limited != nics.end()) {
    return fail(ENOTSUP,
                "limiting the rate of the network interface " +
                    std::string(limited->id == nullptr ? "?" : limited->id) +
                    ": QEMU limits disks, and no network interfaces",
                "go without the limit, or use --vmm firecracker");
  }
  return {};
}

}  // namespace

std::string kernel_command_line(const Platform& platform, const fcvm_vm_spec& spec) {
  std::string line = spec.command_line == nullptr ? "" : spec.command_line;
#if defined(__aarch64__)
  line += " console=ttyAMA0";
#else
  // A reset by triple fault needs nothing of the machine, and ends QEMU (-no-reboot) at once.
  line += " console=ttyS0 reboot=t";
  if (platform.machine == "q35") line += " i8042.noaux i8042.nokbd";
#endif
  // The kernel's self-tests of its ciphers take a fifth of an emulated boot, and on a busy host the
  // timer that it checks comes late enough for a panic.
  if (!platform.kvm) line += " cryptomgr.notests no_timer_check";
  return line.substr(line.find_first_not_of(' '));
}

Result<std::vector<std::string>> command_line(const std::string& binary, const Options& options,
                                              const Platform& platform, const fcvm_vm_spec& spec,
                                              Begin begin) {
  FCVM_TRY(check(spec));
  Builder builder(platform, spec);
  builder.add({binary, "-name", std::string("fcvm-") + (spec.vm_id ? spec.vm_id : "vm")});
  builder.add({"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"});
  if (options.sandbox) builder.add({"-sandbox", kSandbox});
  builder.machine();
  builder.memory();
  builder.kernel();
  builder.channels();
  std::uint32_t index = 0;
  for (const auto& disk : sized_elements(spec.disks, spec.disk_count)) builder.disk(index++, disk);
  index = 0;
  for (const auto& nic : sized_elements(spec.nics, spec.nic_count)) builder.nic(index++, nic);
  if (begin == Begin::kRestore) builder.add({"-incoming", "defer", "-S"});
  std::vector<std::string> arguments = builder.take();
  arguments.insert(arguments.end(), options.args.begin(), options.args.end());
  return arguments;
}

}  // namespace fcvm::qemu
