#include "core/image/build_vm.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/log/log.hpp"
#include "core/plugin/settings.hpp"
#include "core/vm/client/guest_exec.hpp"
#include "core/vm/logs/console_tail.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::image {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Names in the VMM's directory.
constexpr const char* kKernel = "kernel";
constexpr const char* kKernelElf = "kernel.elf";
constexpr const char* kInitrd = "initrd";
constexpr const char* kBaseDisk = "base.img";
constexpr const char* kWritableDisk = "disk.img";
constexpr const char* kConsole = "console.log";
constexpr const char* kGuestSocket = "guest.sock";

constexpr auto kStartLimit = 60s;
constexpr auto kBootLimit = 120s;
constexpr auto kRequestLimit = 10s;
constexpr auto kPowerOffLimit = 60s;
constexpr auto kKillLimit = 10s;
/// Sparse: for what the command keeps beside the disks that it is given. podman writes each layer
/// to it before it unpacks it.
constexpr std::uint64_t kWritableBytes = 64ULL << 30;

std::string fresh_entropy() {
  std::string bytes(64, '\0');
  // Cannot fail for up to 256 bytes once the pool is ready, and the host has long booted.
  [[maybe_unused]] const auto got = ::getrandom(bytes.data(), bytes.size(), 0);
  return bytes;
}

fcvm_disk disk_of(const char* id, const char* path, std::uint32_t flags) {
  auto disk = sized<fcvm_disk>();
  disk.id = id;
  disk.path = path;
  disk.flags = flags;
  return disk;
}

wire::Disk guest_disk(const std::string& serial, wire::DiskRole role, bool read_only) {
  wire::Disk disk;
  disk.serial = serial;
  disk.role = role;
  disk.read_only = read_only;
  return disk;
}

std::uint32_t flags_of(const plugin::BuilderService::Disk& disk) {
  return (disk.read_only ? FCVM_DISK_READ_ONLY : 0U) |
         (disk.unsafe_cache ? FCVM_DISK_CACHE_UNSAFE : 0U);
}

/// In the VMM's directory.
std::string link_name(const plugin::BuilderService::Disk& disk) { return "given-" + disk.id; }

}  // namespace

void GuestReadiness::hear(const wire::Event& event) {
  const std::lock_guard lock(mutex_);
  if (event.kind == wire::EventKind::kProgress && event.stage == "idle") is_ready_ = true;
  if (event.kind == wire::EventKind::kFailed) {
    failed_ = fmt::format("its guest failed at \"{}\": {}", event.stage, event.text);
  }
  changed_.notify_all();
}

Result<void> GuestReadiness::wait(const std::function<Result<void>()>& check) {
  std::unique_lock lock(mutex_);
  while (!is_ready_) {
    if (failed_) return fail(EIO, *failed_);
    FCVM_TRY(check());
    changed_.wait_for(lock, 50ms);
  }
  return {};
}

BuildVm::BuildVm(const BuilderContext& context, const Build& build, const Call& call,
                 BuildDirectory directory)
    : context_(context), build_(build), call_(call), directory_(std::move(directory)) {}

BuildVm::~BuildVm() {
  watch_.reset();
  control_.reset();
  end_machine();
  processes_.set_cgroup(-1);
}

Result<int> BuildVm::run(const OutputHandler& output) {
  FCVM_TRY(prepare());
  watch_.emplace(call_, written_directories(), [this] { break_off(); });
  auto code = work(output);
  watch_->stop();
  if (code) {
    FCVM_TRY(power_off());
    return code;
  }
  // What failed after the watch had ended the VM failed for that reason.
  auto why = watch_->check_broken();
  Error error = why ? std::move(code).error() : std::move(why).error();
  if (error.code() != EIO) return unexpected(std::move(error));
  end_machine();
  return fail(EIO, error.message() + vm::console_tail(directory_.vmm() / kConsole), error.remedy());
}

Result<void> BuildVm::link(const fs::path& target, const std::string& name) const {
  std::error_code error;
  fs::create_symlink(target, directory_.vmm() / name, error);
  if (error) return fail(error.value(), fmt::format("linking {}: {}", name, error.message()));
  return {};
}

Result<void> BuildVm::prepare() {
  directory_.make_cgroup(build_.memory_bytes, build_.cpus);
  processes_.set_cgroup(directory_.cgroup());
  FCVM_TRY(link(context_.guest.kernel, kKernel));
  if (!context_.guest.kernel_elf.empty()) FCVM_TRY(link(context_.guest.kernel_elf, kKernelElf));
  FCVM_TRY(link(context_.guest.initrd, kInitrd));
  FCVM_TRY(link(context_.guest.base_image, kBaseDisk));
  for (const auto& disk : build_.disks) FCVM_TRY(link(disk.path, link_name(disk)));
  return context_.make_disk(directory_.vmm() / kWritableDisk, kWritableBytes);
}

Result<void> BuildVm::start() {
  jail_ = FCVM_TRY(vm::VmmJail::make(context_.config, context_.paths, directory_.id(), processes_));
  plugin::Services services;
  services.process = jail_.processes();
  const plugin::Entry* entry = FCVM_TRY(context_.registry.find(context_.vmm));
  const auto settings = FCVM_TRY(plugin::Settings::of(context_.config, context_.vmm));
  plugin::Object object = FCVM_TRY(plugin::Registry::load(*entry));
  auto instance = FCVM_TRY(
      plugin::Instance<fcvm_vmm_v1>::create(std::move(object), context_.vmm, settings, services));
  {
    const std::lock_guard lock(mutex_);
    machine_ = std::make_unique<vm::Machine>(std::move(instance));
  }
  FCVM_TRY(watch_->check());
  std::vector<std::string> names;
  for (const auto& disk : build_.disks) names.push_back(link_name(disk));
  std::vector<fcvm_disk> disks = {disk_of("base", kBaseDisk, FCVM_DISK_READ_ONLY),
                                  disk_of("disk", kWritableDisk, FCVM_DISK_CACHE_UNSAFE)};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& disk = build_.disks[i];
    disks.push_back(disk_of(disk.id.c_str(), names[i].c_str(), flags_of(disk)));
  }
  std::vector<const fcvm_disk*> pointers;
  for (const auto& disk : disks) pointers.push_back(&disk);
  const Fd directory = FCVM_TRY(base::open_file(directory_.vmm().string(), O_RDONLY | O_DIRECTORY));
  auto spec = sized<fcvm_vm_spec>();
  spec.vm_id = directory_.id().c_str();
  spec.directory_fd = directory.get();
  spec.cpus = build_.cpus;
  spec.memory_bytes = build_.memory_bytes;
  spec.kernel = kKernel;
  spec.kernel_elf = context_.guest.kernel_elf.empty() ? nullptr : kKernelElf;
  spec.initrd = kInitrd;
  spec.command_line = "quiet panic=-1";
  spec.console = kConsole;
  spec.guest_socket = kGuestSocket;
  spec.disks = pointers.data();
  spec.disk_count = static_cast<std::uint32_t>(pointers.size());
  FCVM_TRY(jail_.admit(spec, nullptr));
  FCVM_TRY(machine_->start(spec, base::Deadline::in(kStartLimit)));
  const auto status = FCVM_TRY(machine_->status());
  FCVM_TRY(watch_->watch_vmm(status.pidfd));
  const std::lock_guard lock(mutex_);
  vmm_ = Fd(::fcntl(status.pidfd, F_DUPFD_CLOEXEC, 0));
  return vmm_ ? Result<void>() : fail_errno("watching the VMM");
}

wire::BootPlan BuildVm::boot_plan() const {
  wire::BootPlan plan;
  plan.hostname = "builder";
  plan.realtime_ns = vm::now_ns();
  plan.entropy = fresh_entropy();
  plan.disks = {guest_disk("base", wire::DiskRole::kBase, true),
                guest_disk("disk", wire::DiskRole::kWritable, false)};
  for (const auto& disk : build_.disks) {
    plan.disks.push_back(guest_disk(disk.id, wire::DiskRole::kRaw, disk.read_only));
  }
  return plan;
}

vm::DialGuest BuildVm::dialler() {
  return [this](std::uint32_t port, base::Deadline deadline) -> Result<Fd> {
    FCVM_TRY(watch_->check());
    return machine_->connect(port, deadline);
  };
}

Result<int> BuildVm::work(const OutputHandler& output) {
  FCVM_TRY(start());
  control_ = std::make_unique<vm::GuestControl>(
      dialler(), [this](const wire::Event& event) { readiness_.hear(event); });
  FCVM_TRY(control_->connect(base::Deadline::in(kBootLimit)) |
           context("waiting for its guest to boot"));
  FCVM_TRY(control_->request(wire::Boot{0, boot_plan()}, base::Deadline::in(kRequestLimit)));
  FCVM_TRY(readiness_.wait([this] { return watch_->check(); }));
  wire::ExecRequest request;
  request.place = wire::ExecPlace::kGuest;
  request.command = build_.arguments;
  request.environment = build_.environment;
  return vm::run_in_guest(dialler(), request, "", call_, output) |
         context("running " + build_.arguments.front());
}

/// The guest writes what it holds back, and ends.
Result<void> BuildVm::power_off() {
  const auto asked =
      control_->last_request(wire::PowerOff{0, 0}, base::Deadline::in(kRequestLimit));
  if (!asked) log::debug("image", "ending a builder VM: {}", asked.error().message());
  const base::Deadline late = base::Deadline::in(kPowerOffLimit);
  while (!late.expired()) {
    pollfd fds[] = {{vmm_.get(), POLLIN, 0}, {call_.cancel_fd(), POLLIN, 0}};
    FCVM_TRY(call_.check());
    if (::poll(fds, 2, 100) > 0 && fds[0].revents != 0) return {};
  }
  return fail(ETIMEDOUT, "the builder VM has done its work and does not end" +
                             vm::console_tail(directory_.vmm() / kConsole));
}

/// On the watch's thread.
void BuildVm::break_off() {
  const std::lock_guard lock(mutex_);
  if (machine_) machine_->cancel();
  if (vmm_) ::syscall(SYS_pidfd_send_signal, vmm_.get(), SIGKILL, nullptr, 0);
}

void BuildVm::end_machine() {
  if (!machine_) return;
  if (auto killed = machine_->kill(base::Deadline::in(kKillLimit)); !killed) {
    log::warning("image", "ending a builder VM: {}", killed.error().message());
  }
}

std::vector<fs::path> BuildVm::written_directories() const {
  std::set<fs::path> all = {directory_.vmm()};
  for (const auto& disk : build_.disks) {
    if (!disk.read_only) all.insert(fs::path(disk.path).parent_path());
  }
  return {all.begin(), all.end()};
}

}  // namespace fcvm::image
