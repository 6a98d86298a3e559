// How a VM begins: booted from a specification, or restored from a snapshot. See vm.hpp.
#include <fcntl.h>

#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "plugins/vmm/common/surroundings.hpp"
#include "plugins/vmm/common/tail.hpp"
#include "plugins/vmm/qemu/vm.hpp"

namespace fcvm::qemu {

namespace {

Result<Fd> listen_for_clients(int directory, const std::string& name) {
  if (name.empty()) return Fd();
  return base::listen_unix_at(directory, name, 0600, SOCK_STREAM | SOCK_NONBLOCK) |
         context("making the guest socket");
}

Result<void> check_maker(const char* vmm_version) {
  const std::string made_by = vmm_version == nullptr ? "" : vmm_version;
  if (made_by.empty() || made_by.rfind("qemu ", 0) == 0) return {};
  return fail(EINVAL, "the snapshot was made by " + made_by + ", which QEMU cannot load",
              "restore it with the VMM that made it (--vmm)");
}

/// What kept QEMU from its memory, which it itself tells less well.
Error with_complaint(Error error, const std::string& complaint) {
  if (complaint.empty()) return error;
  const bool userfaultfd = complaint.find("userfaultfd") != std::string::npos;
  return Error(
      EIO, "restoring the VM: " + complaint + ": " + error.message(),
      userfaultfd ? "run fcvm as root, or let its user open /dev/userfaultfd" : error.remedy());
}

}  // namespace

Result<std::shared_ptr<Vm>> Vm::begin(const Host& host, const Options& options,
                                      const fcvm_vm_spec& spec, const fcvm_vm_restore* from,
                                      const Call& call) {
  const std::string binary = FCVM_TRY(find_binary(options.binary));
  Platform platform = FCVM_TRY(choose_platform(options, check_kvm()));
  if (!platform.kvm && spec.cpus > 1) {
    const auto version = ask_version(host, binary, call);
    platform.one_thread = !version || !version->translates_safely();
  }
  const std::shared_ptr<Vm> vm(new Vm(host, spec, platform, binary));
  const auto launched = vm->launch(options, spec, from, call);
  if (launched) return vm;
  // Of one that has run, and ended by itself: a QEMU without a guest is asked then.
  if (vm->process_.ended() && options.sandbox) {
    const auto sandbox = check_sandbox(host, binary, call);
    if (!sandbox && sandbox.error().code() == ENOTSUP) return unexpected(sandbox.error());
  }
  return unexpected(launched.error());
}

Result<void> Vm::launch(const Options& options, const fcvm_vm_spec& spec,
                        const fcvm_vm_restore* from, const Call& call) {
  layout_ = layout_of(options, platform_, spec);
  FCVM_TRY(open_directory(spec));
  if (from == nullptr) {
    memory_ = FCVM_TRY(GuestMemory::fresh(spec));
    FCVM_TRY(spawn(options, spec, Begin::kBoot));
    FCVM_TRY(negotiate(call));
  } else {
    const SavedState saved = FCVM_TRY(open_snapshot(spec, *from));
    FCVM_TRY(spawn(options, spec, Begin::kRestore));
    FCVM_TRY(negotiate(call));
    FCVM_TRY(load(saved, spec, call));
  }
  return set_up_balloon(options, spec, from == nullptr, call);
}

Result<void> Vm::open_directory(const fcvm_vm_spec& spec) {
  directory_ = FCVM_TRY(vmm::open_directory(spec));
  for (const char* file : {spec.kernel, spec.initrd}) {
    if (file != nullptr && ::faccessat(directory_.get(), file, R_OK, 0) != 0) {
      return fail(errno, std::string("reading ") + file + ": " + std::strerror(errno),
                  "run `fcvm setup` to make the guest's kernel and initrd");
    }
  }
  return {};
}

/// Whatever can be seen to be wrong before QEMU runs is.
Result<SavedState> Vm::open_snapshot(const fcvm_vm_spec& spec, const fcvm_vm_restore& from) {
  FCVM_TRY(check_maker(from.vmm_version));
  if (from.device_state == nullptr || from.memory == nullptr) {
    return fail(EINVAL, "restoring a VM: the snapshot's state or its memory is not named");
  }
  SavedState saved = FCVM_TRY(open_state(directory_.get(), from.device_state));
  FCVM_TRY(check_layout(saved.layout, layout_));
  memory_ = FCVM_TRY(GuestMemory::restored(spec, sized_copy(from.memory)));
  return saved;
}

Result<void> Vm::spawn(const Options& options, const fcvm_vm_spec& spec, Begin begin) {
  auto arguments = FCVM_TRY(command_line(binary_, options, platform_, spec, begin));
  auto monitor = FCVM_TRY(base::SocketPair::create());
  auto port = FCVM_TRY(base::SocketPair::create());
  logs_ = FCVM_TRY(vmm::CapturedLogs::open(directory_.get()));
  const Fd log = FCVM_TRY(logs_->add(kLog) | context(std::string("making ") + kLog));
  Fd console;
  if (!console_.empty()) {
    console = FCVM_TRY(logs_->add(console_) | context("making the console's log"));
  }
  FCVM_TRY(logs_->start());
  Fd listener = FCVM_TRY(
      listen_for_clients(directory_.get(), spec.guest_socket == nullptr ? "" : spec.guest_socket));
  if (listener) guest_socket_ = spec.guest_socket;
  FCVM_TRY(run_process(spec, arguments, monitor.second, port.second, log, console) |
           context("starting " + binary_));
  qmp_ = std::make_unique<Qmp>(std::move(monitor.first));
  relay_ = std::make_unique<Relay>(host_, std::move(port.first), std::move(listener), *qmp_,
                                   process_.pidfd());
  return relay_->start();
}

Result<void> Vm::run_process(const fcvm_vm_spec& spec, const std::vector<std::string>& arguments,
                             const Fd& monitor, const Fd& port, const Fd& log, const Fd& console) {
  auto passed = memory_.passed();
  passed.push_back({monitor.get(), kQmpFd});
  passed.push_back({port.get(), kMuxFd});
  if (console) passed.push_back({console.get(), kConsoleFd});
  const auto variables = memory_.environment();
  const auto environment = sdk::argument_vector(variables);
  JailItems jail;
  // Firmware; that of the distribution's QEMU is among the system's files.
  jail.add(binary_.substr(0, binary_.rfind('/')) + "/../share/qemu", FCVM_JAIL_OPTIONAL);
  for (const std::string& file : memory_.files()) jail.add(file);
  ProcessSpec process;
  process.name = "qemu";
  process.jail = jail.spec();
  process.in_directory(directory_.get()).to(log.get()).errors_to(log.get());
  vmm::give_surroundings(process, spec);
  process.environment = variables.empty() ? nullptr : environment.data();
  process.passed = passed.data();
  process.passed_count = static_cast<std::uint32_t>(passed.size());
  process_.set(FCVM_TRY(host_.spawn(arguments, process)));
  return {};
}

Result<void> Vm::negotiate(const Call& call) {
  auto version = qmp_->negotiate(call);
  if (!version) {
    return unexpected(with_complaint(explain(std::move(version).error().context("starting QEMU")),
                                     memory_.complaint()));
  }
  if (version->old()) return unexpected(too_old(binary_, *version));
  version_ = *version;
  return memory_.confirm();
}

/// QEMU is stopped when it has taken the state, as the VM was when it was saved.
Result<void> Vm::load(const SavedState& saved, const fcvm_vm_spec& spec, const Call& call) {
  FCVM_TRY(check_version(saved.version, version_));
  const std::string doing = "restoring the VM";
  auto pair = FCVM_TRY(base::SocketPair::create());
  auto loaded = [&]() -> Result<void> {
    FCVM_TRY(qmp_->load_state(pair.second, call));
    pair.second.reset();
    FCVM_TRY(send_stream(saved.file.get(), pair.first.get(), call));
    pair.first.reset();
    return qmp_->await_state(call);
  }();
  if (!loaded) return unexpected(explain(std::move(loaded).error().context(doing)));
  paused_ = true;
  if ((spec.flags & FCVM_VM_START_PAUSED) != 0) return {};
  return resume(call) | context(doing);
}

/// A restored balloon is as it was, and its figures are asked for, since it tells changes only.
Result<void> Vm::set_up_balloon(const Options& options, const fcvm_vm_spec& spec, bool fresh,
                                const Call& call) {
  const auto interval = std::chrono::duration_cast<std::chrono::seconds>(options.balloon_stats);
  if (interval.count() > 0) FCVM_TRY(qmp_->watch_balloon(interval, call));
  if (fresh)
    return spec.balloon_bytes == 0 ? Result<void>() : set_balloon(spec.balloon_bytes, call);
  const auto figures = FCVM_TRY(qmp_->query_balloon(memory_bytes_, call));
  balloon_target_ = figures.actual_bytes;
  return {};
}

}  // namespace fcvm::qemu
