#include "core/vm/supervisor/launch.hpp"

#include <fcntl.h>
#include <optional>
#include <sys/random.h>
#include <sys/stat.h>
#include <thread>

#include <fmt/core.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/log/log.hpp"
#include "core/plugin/settings.hpp"
#include "core/vm/memory/own_memory.hpp"
#include "core/vm/memory/served_memory.hpp"
#include "core/vm/model/machine_files.hpp"
#include "core/vm/model/proxies.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/port_owner.hpp"
#include "core/vm/supervisor/fresh_directory.hpp"
#include "core/vm/supervisor/guest_network.hpp"
#include "core/vm/supervisor/image_config.hpp"
#include "core/vm/supervisor/metadata.hpp"

namespace fcvm::vm {
namespace {

// The serials by which the guest knows its disks.
constexpr const char* kBaseSerial = "base";
constexpr const char* kWritableSerial = "disk";
constexpr const char* kImageSerial = "image";  // and a number
/// No VMM takes many more.
constexpr std::size_t kMostImageDisks = 16;

constexpr const char* kNic = "net0";

constexpr std::size_t kEntropySize = 64;
constexpr std::size_t kMachineIdSize = 16;
constexpr auto kStartLimit = std::chrono::seconds(60);
constexpr auto kAttachLimit = std::chrono::seconds(30);
constexpr auto kCancelPause = std::chrono::milliseconds(10);
constexpr auto kDetachLimit = std::chrono::seconds(15);

std::string fresh_entropy() {
  std::string bytes(kEntropySize, '\0');
  // Cannot fail for up to 256 bytes once the pool is ready, and the host has long booted.
  [[maybe_unused]] const auto got = ::getrandom(bytes.data(), bytes.size(), 0);
  return bytes;
}

std::string digits(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

fcvm_rate_limit rate_limit(const DiskRates& rates) {
  auto limit = sized<fcvm_rate_limit>();
  limit.read_bytes_per_second = rates.read_bytes;
  limit.write_bytes_per_second = rates.write_bytes;
  limit.read_operations_per_second = rates.read_operations;
  limit.write_operations_per_second = rates.write_operations;
  return limit;
}

fcvm_disk disk(const char* id, const char* path, std::uint32_t flags,
               const fcvm_rate_limit* limit) {
  auto made = sized<fcvm_disk>();
  made.limit = limit;
  made.id = id;
  made.path = path;
  made.flags = flags;
  return made;
}

wire::Disk guest_disk(std::string serial, wire::DiskRole role) {
  wire::Disk made;
  made.serial = std::move(serial);
  made.role = role;
  made.read_only = role != wire::DiskRole::kWritable;
  return made;
}

std::string image_serial(std::size_t number) { return kImageSerial + std::to_string(number); }

/// The specification's disks; borrows the limit.
class Disks {
 public:
  Disks(const std::vector<ImageSource::Disk>& images, const fcvm_rate_limit* limit) {
    names_.reserve(2 * images.size());
    disks_.push_back(disk(kBaseSerial, kBaseDisk, FCVM_DISK_READ_ONLY, limit));
    disks_.push_back(disk(kWritableSerial, kWritableDisk, FCVM_DISK_CACHE_UNSAFE, limit));
    for (std::size_t i = 0; i < images.size(); ++i) {
      const char* serial = names_.emplace_back(image_serial(i)).c_str();
      const char* file = names_.emplace_back(image_file(i)).c_str();
      const auto flags = images[i].is_shared() ? FCVM_DISK_READ_ONLY : FCVM_DISK_CACHE_UNSAFE;
      disks_.push_back(disk(serial, file, flags, limit));
    }
    for (const auto& one : disks_) pointers_.push_back(&one);
  }
  Disks(const Disks&) = delete;
  Disks& operator=(const Disks&) = delete;

  [[nodiscard]] const fcvm_disk* const* pointers() const { return pointers_.data(); }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(disks_.size()); }

 private:
  std::vector<std::string> names_;  // never moved: disks_ points into it
  std::vector<fcvm_disk> disks_;
  std::vector<const fcvm_disk*> pointers_;
};

/// Whether the agent can make the image available in this way.
bool is_known(const ImageSource::Image& image) {
  if (image.how == FCVM_GUEST_LOAD_ARCHIVE) return image.disks.size() == 1;
  if (image.how == FCVM_GUEST_USE_STORE_DISK) {
    return image.disks.size() == 1 && !image.disks.front().is_shared() &&
           image.disks.front().format == "btrfs";
  }
  return image.how == FCVM_GUEST_MOUNT_STORE && !image.disks.empty() &&
         image.disks.size() <= kMostImageDisks;
}

}  // namespace

template <typename Verbs>
Result<std::unique_ptr<plugin::Instance<Verbs>>> Launch::make_plugin(const std::string& id,
                                                                     plugin::Services services) {
  const plugin::Entry* entry = FCVM_TRY(context_.registry.find(id));
  const plugin::Settings settings = FCVM_TRY(plugin::Settings::of(context_.config, id));
  plugin::Object object = FCVM_TRY(plugin::Registry::load(*entry));
  return plugin::Instance<Verbs>::create(std::move(object), id, settings, services);
}

Result<void> Launch::link(const std::filesystem::path& target, const char* name) {
  const auto at = context_.store.paths().vmm(id_) / name;
  std::error_code error;
  std::filesystem::create_symlink(target, at, error);
  if (error)
    return fail(error.value(), fmt::format("linking {}: {}", at.string(), error.message()));
  return {};
}

Result<void> Launch::fetch_image() {
  auto source = FCVM_TRY(ImageSource::open(context_.registry, context_.config,
                                           context_.store.paths(), plan_.image_plugin, services_));
  {
    const std::lock_guard lock(mutex_);
    images_ = std::move(source);
    if (cancelled_) return fail(ECANCELED, "canceled");
  }
  image_ = FCVM_TRY(resolve_image() | context(fmt::format("image {}", plan_.image)));
  FCVM_TRY(check_command(image_.config, plan_.container) |
           context(fmt::format("image {}", plan_.image)));
  health_ = health_check(image_.config, plan_.health);
  if (!is_known(image_)) {
    return fail(ENOTSUP,
                fmt::format("{} delivers image {} in a way that this fcvm does not know",
                            plan_.image_plugin, plan_.image),
                "choose another --image-mode; fcvm plugin ls shows those there are");
  }
  return {};
}

/// In a snapshot the image's disks lie beside the others.
Result<void> Launch::find_saved_image() {
  const RestorePlan& from = *plan_.restore;
  if (from.image_disks.size() > kMostImageDisks) {
    return fail(EPROTO, "the snapshot has too many disks");
  }
  image_.digest = from.image_digest;
  // The guest's agent goes on with it.
  health_ = health_check("", plan_.health);
  for (std::size_t i = 0; i < from.image_disks.size(); ++i) {
    const auto& disk = from.image_disks[i];
    image_.disks.push_back(
        {(from.directory / image_file(i)).string(), disk.format, disk.content_bytes, disk.flags});
  }
  return {};
}

Result<void> Launch::place_image() {
  for (std::size_t i = 0; i < image_.disks.size(); ++i) {
    const auto& disk = image_.disks[i];
    FCVM_TRY(disk.is_shared() ? link(disk.path, image_file(i).c_str())
                              : copy(disk.path, image_file(i)));
  }
  return {};
}

std::vector<ImageDisk> Launch::image_disks() const {
  std::vector<ImageDisk> disks;
  for (const auto& disk : image_.disks) {
    disks.push_back({disk.format, disk.content_bytes, disk.flags});
  }
  return disks;
}

/// The very image that a kept container was made of: what a name means may have changed since.
Result<ImageSource::Image> Launch::resolve_image() {
  if (plan_.kept_image.empty()) {
    return images_->prepare({plan_.image_reference, plan_.pull, plan_.platform},
                            base::Deadline::never());
  }
  return images_->prepare({"sha256:" + plan_.kept_image, FCVM_PULL_NEVER, ""},
                          base::Deadline::never());
}

/// With room for what the container writes, of which nothing is taken yet.
Result<void> Launch::copy(const std::string& disk, const std::string& name) {
  const auto at = context_.store.paths().vmm(id_) / name;
  if (!plan_.kept_image.empty() && std::filesystem::exists(at)) return {};
  const Fd from = FCVM_TRY(base::open_file(disk, O_RDONLY));
  const Fd to = FCVM_TRY(base::open_file(at.string(), O_RDWR | O_CREAT | O_EXCL, 0600));
  FCVM_TRY(base::clone_file(from.get(), to.get(),
                            [&](std::uint64_t) -> Result<void> {
                              if (cancelled_) return fail(ECANCELED, "canceled");
                              return {};
                            }) |
           context("copying the image's disk"));
  struct stat status {};
  if (::fstat(to.get(), &status) != 0) return fail_errno("looking at " + at.string());
  const auto bytes = std::max(static_cast<std::uint64_t>(status.st_size), plan_.disk_bytes);
  if (::ftruncate(to.get(), static_cast<off_t>(bytes)) == 0) return {};
  return fail_errno("making " + at.string() + " larger");
}

Result<void> Launch::make_network() {
  if (!plan_.network.plugin.empty())
    FCVM_TRY(attach_network() | context("making the VM's network"));
  const Attachment none;
  const Attachment& attachment = network_ ? network_->attachment() : none;
  guest_network_ = FCVM_TRY(guest_network(plan_.network, attachment));
  std::vector<std::string> dropped;
  guest_proxies_ = guest_proxies(plan_.network.proxies, attachment.host_gateway, dropped);
  for (const auto& name : dropped) {
    log::warning("vm", "{} names the host's loopback, which this VM does not reach: left out",
                 name);
  }
  return {};
}

Result<void> Launch::attach_network() {
  auto instance = FCVM_TRY(make_plugin<fcvm_net_v1>(plan_.network.plugin, services_));
  {
    const std::lock_guard lock(mutex_);
    network_ = std::make_unique<Network>(std::move(instance), [this](const PublishedPort& port) {
      const auto records = context_.store.all();
      return records ? port_owner(*records, port) : std::string();
    });
    if (cancelled_) return fail(ECANCELED, "canceled");
  }
  return network_->attach(plan_.network, id_, base::Deadline::in(kAttachLimit));
}

// Side by side: the two have nothing in common, and each may wait for other processes. The first
// that fails ends the other, and is the one that is told of.
Result<void> Launch::prepare() {
  std::optional<Error> first;
  const auto note = [&](const Result<void>& done) {
    if (done) return;
    {
      const std::lock_guard lock(mutex_);
      if (!first) first = done.error();
    }
    cancel();
  };
  std::thread network([&] { note(make_network()); });
  note(prepare_files());
  network.join();
  if (first) return unexpected(*std::move(first));
  return publish_exposed();
}

/// Of --publish-all: the image's configuration says what, so it waits for both.
Result<void> Launch::publish_exposed() {
  if (!plan_.network.publish_exposed || network_ == nullptr) return {};
  const auto wishes = exposed_ports(image_.config, plan_.network.publish);
  return network_->add_ports(wishes, base::Deadline::in(kAttachLimit));
}

/// Of a container that is started again; of one that was never made, nothing.
Result<void> Launch::keep_disks() {
  std::vector<std::string> names;
  if (!plan_.kept_image.empty()) {
    names.emplace_back(kWritableDisk);
    for (std::size_t i = 0; i < kMostImageDisks; ++i) names.push_back(image_file(i));
  }
  return fresh_directory(context_.store.paths().vmm(id_), names) |
         context("keeping the disks of VM " + id_);
}

Result<void> Launch::prepare_files() {
  FCVM_TRY(keep_disks());
  if (plan_.restore) {
    FCVM_TRY(find_saved_image());
  } else {
    FCVM_TRY(fetch_image());
  }
  FCVM_TRY(place_image());
  FCVM_TRY(link(plan_.assets.kernel, kKernel));
  if (!plan_.assets.kernel_elf.empty()) FCVM_TRY(link(plan_.assets.kernel_elf, kKernelElf));
  FCVM_TRY(link(plan_.assets.initrd, kInitrd));
  FCVM_TRY(link(plan_.assets.base_image, kBaseDisk));
  if (plan_.restore) return take_from_snapshot(*plan_.restore);
  const auto writable = context_.store.paths().vmm(id_) / kWritableDisk;
  if (!plan_.kept_image.empty()) {
    if (std::filesystem::exists(writable)) return {};
    return fail(ENOENT, "the VM's disk is gone: " + writable.string(),
                "fcvm rm the VM, and fcvm run it again");
  }
  return context_.make_disk(writable, plan_.disk_bytes) | context("making the VM's writable disk");
}

/// What a snapshot shares with this VM, which goes on to have it when the snapshot that this one is
/// a clone of is removed.
Result<void> Launch::hold_shared_files() {
  std::vector<std::filesystem::path> files = {plan_.assets.kernel, plan_.assets.kernel_elf,
                                              plan_.assets.initrd, plan_.assets.base_image};
  for (const auto& disk : image_.disks) {
    if (disk.is_shared()) files.emplace_back(disk.path);
  }
  for (const auto& file : files) {
    if (file.empty()) continue;
    held_.insert_or_assign(file, FCVM_TRY(base::open_file(file.string(), O_RDONLY)));
  }
  return {};
}

std::filesystem::path Launch::held(const std::filesystem::path& file) const {
  const auto found = held_.find(file);
  if (found == held_.end()) return file;
  return "/proc/self/fd/" + std::to_string(found->second.get());
}

MachineSaver Launch::saver(std::filesystem::path directory) const {
  auto disks = image_.disks;
  for (auto& disk : disks) disk.path = held(disk.path).string();
  const GuestAssets& assets = plan_.assets;
  return {
      {context_.store.paths().vmm(id_),
       {held(assets.kernel), held(assets.kernel_elf), held(assets.initrd), held(assets.base_image)},
       std::move(disks)},
      std::move(directory)};
}

Result<void> Launch::take_from_snapshot(const RestorePlan& from) {
  FCVM_TRY(hold_shared_files());
  FCVM_TRY(copy((from.directory / kWritableDisk).string(), kWritableDisk));
  FCVM_TRY(link(from.directory / kSnapshotState, kDeviceState));
  auto memory = FCVM_TRY(make_memory(from));
  {
    const std::lock_guard lock(mutex_);
    memory_ = std::move(memory);
    if (cancelled_) return fail(ECANCELED, "canceled");
  }
  const Fd directory = FCVM_TRY(vmm_directory());
  return memory_->offer(directory.get(), base::Deadline::in(kStartLimit)) |
         context("opening the snapshot's memory");
}

Result<std::unique_ptr<CloneMemory>> Launch::make_memory(const RestorePlan& from) {
  if (from.page_server != 0) {
    std::unique_ptr<CloneMemory> served =
        FCVM_TRY(ServedMemory::connect(context_.store.paths(), from.page_server, id_));
    return served;
  }
  auto instance = FCVM_TRY(make_plugin<fcvm_memory_v1>(from.memory_plugin, services_));
  std::unique_ptr<CloneMemory> own =
      std::make_unique<OwnMemory>(std::move(instance), id_, from.directory, plan_.memory_bytes);
  return own;
}

std::optional<std::string> Launch::memory_failure() const {
  return memory_ ? memory_->failure() : std::nullopt;
}

Result<Fd> Launch::vmm_directory() const {
  return base::open_file(context_.store.paths().vmm(id_).string(), O_RDONLY | O_DIRECTORY);
}

Result<void> Launch::start() {
  jail_ = FCVM_TRY(VmmJail::make(context_.config, context_.store.paths(), id_, processes_));
  plugin::Services jailed = services_;
  jailed.process = jail_.processes();
  auto instance = FCVM_TRY(make_plugin<fcvm_vmm_v1>(plan_.vmm, jailed));
  {
    const std::lock_guard lock(mutex_);
    machine_ = std::make_unique<Machine>(std::move(instance));
    if (cancelled_) return fail(ECANCELED, "canceled");
  }
  const Fd directory = FCVM_TRY(vmm_directory());
  const fcvm_rate_limit rates = rate_limit(plan_.disk_rates);
  const fcvm_rate_limit* const limit = plan_.disk_rates.limited() ? &rates : nullptr;
  const Disks disks(image_.disks, limit);
  auto nic = sized<fcvm_nic>();
  const fcvm_nic* const nics[] = {&nic};
  auto spec = sized<fcvm_vm_spec>();
  spec.vm_id = id_.c_str();
  spec.directory_fd = directory.get();
  spec.cpus = plan_.cpus;
  spec.memory_bytes = plan_.memory_bytes;
  spec.balloon_bytes = plan_.balloon_bytes;
  if (plan_.hugepages) spec.flags |= FCVM_VM_HUGEPAGES;
  spec.kernel = kKernel;
  spec.kernel_elf = plan_.assets.kernel_elf.empty() ? nullptr : kKernelElf;
  spec.initrd = kInitrd;
  std::string command_line = "quiet panic=-1";
  if (!plan_.kernel_args.empty()) command_line += ' ' + plan_.kernel_args;
  spec.command_line = command_line.c_str();
  spec.console = kConsole;
  spec.guest_socket = kGuestSocket;
  const std::string metadata = metadata_document({id_, plan_.image, plan_.hostname, plan_.labels,
                                                  plan_.container, plan_.metadata_environment});
  spec.metadata_json = metadata.c_str();
  spec.disks = disks.pointers();
  spec.disk_count = disks.count();
  if (network_ != nullptr) {
    const Attachment& attachment = network_->attachment();
    put_fd(spec.flags, FCVM_VM_HAS_NET_NAMESPACE, spec.net_namespace_fd,
           attachment.net_namespace.get());
    put_fd(spec.flags, FCVM_VM_HAS_USER_NAMESPACE, spec.user_namespace_fd,
           attachment.user_namespace.get());
    nic.id = kNic;
    nic.tap = attachment.tap.c_str();
    nic.mac = attachment.mac.empty() ? nullptr : attachment.mac.c_str();
    nic.mtu = attachment.mtu;
    spec.nics = nics;
    spec.nic_count = attachment.tap.empty() ? 0 : 1;
  }
  if (plan_.restore) return restore(spec, *plan_.restore) | context("restoring the VM");
  FCVM_TRY(jail_.admit(spec, nullptr));
  return machine_->start(spec, base::Deadline::in(kStartLimit)) | context("starting the VM");
}

/// The guest does not run before its memory knows the VMM.
Result<void> Launch::restore(fcvm_vm_spec& spec, const RestorePlan& from) {
  const fcvm_memory_source memory = memory_->source();
  auto saved = sized<fcvm_vm_restore>();
  saved.device_state = kDeviceState;
  saved.memory = &memory;
  saved.vmm_version = from.vmm_version.c_str();
  saved.snapshot_format = from.snapshot_format.c_str();
  spec.flags |= FCVM_VM_START_PAUSED;
  FCVM_TRY(jail_.admit(spec, &saved));
  FCVM_TRY(machine_->restore(spec, saved, base::Deadline::in(kStartLimit)));
  const auto status = FCVM_TRY(machine_->status());
  FCVM_TRY(memory_->started(status.pidfd, from.prefetch));
  return machine_->resume(base::Deadline::in(kStartLimit));
}

wire::Resumed Launch::clone_news() const {
  wire::Resumed news;
  news.is_clone = true;
  news.realtime_ns = now_ns();
  news.entropy = fresh_entropy();
  news.hostname = plan_.hostname;
  news.machine_id = digits(fresh_entropy().substr(0, kMachineIdSize));
  news.network = guest_network_;
  return news;
}

HealthPlan Launch::settled_health() const {
  HealthPlan plan = plan_.health;
  plan.none = health_.command.empty();
  if (plan.none) return plan;
  plan.test = {"CMD"};
  plan.test.insert(plan.test.end(), health_.command.begin(), health_.command.end());
  plan.interval = std::chrono::milliseconds(health_.interval_ms);
  plan.timeout = std::chrono::milliseconds(health_.timeout_ms);
  plan.start_period = std::chrono::milliseconds(health_.start_period_ms);
  plan.retries = health_.retries;
  return plan;
}

wire::BootPlan Launch::boot_plan(const std::string& agent) {
  wire::BootPlan plan;
  plan.hostname = plan_.hostname;
  plan.realtime_ns = now_ns();
  plan.entropy = fresh_entropy();
  plan.disks = {guest_disk(kBaseSerial, wire::DiskRole::kBase),
                guest_disk(kWritableSerial, wire::DiskRole::kWritable)};
  for (std::size_t i = 0; i < image_.disks.size(); ++i) {
    plan.disks.push_back(guest_disk(image_serial(i), wire::DiskRole::kImage));
    plan.disks.back().filesystem = image_.disks[i].format;
    plan.disks.back().read_only = image_.disks[i].is_shared();
  }
  plan.network = guest_network_;
  plan.environment = guest_proxies_;
  // So that a container may ping without a capability that podman does not give it.
  if (network_) plan.sysctls.push_back("net.ipv4.ping_group_range=0 2147483647");
  plan.sysctls.insert(plan.sysctls.end(), plan_.sysctls.begin(), plan_.sysctls.end());
  plan.container = container(agent);
  plan.health = health_;
  for (const auto& map : plan_.maps) plan.maps.push_back({map.read_only});
  return plan;
}

wire::ContainerSpec Launch::container(const std::string& agent) {
  wire::ContainerSpec spec = plan_.container;
  // By its id: an archive may carry another tag than the user named, or none.
  spec.image = image_.id;
  spec.again = !plan_.kept_image.empty();
  spec.held = plan_.restart.when != RestartPolicy::When::kNever;
  // The agent makes it: podman would want systemd's timers.
  if (has_health_check(image_.config)) spec.podman_options.push_back("--no-healthcheck");
  if (image_.how == FCVM_GUEST_MOUNT_STORE) {
    spec.source.delivery = wire::ImageDelivery::kStore;
  } else if (image_.how == FCVM_GUEST_USE_STORE_DISK) {
    spec.source.delivery = wire::ImageDelivery::kStorage;
  } else {
    spec.source.delivery = wire::ImageDelivery::kArchive;
    spec.source.disk_serial = image_serial(0);
    spec.source.length = image_.disks.front().content_bytes;
  }
  if (plan_.announces_vm) {
    auto status = machine_->status();
    const std::string vmm = status ? std::string(text_of(status->vmm_version)) : plan_.vmm;
    spec.environment.push_back("FCVM_VMM=" + vmm);
    spec.environment.push_back("FCVM_AGENT=" + agent);
  }
  return spec;
}

void Launch::end_machine() {
  if (!machine_) return;
  if (auto killed = machine_->kill(base::Deadline::in(kKillLimit)); !killed) {
    log::warning("vm", "ending the VM: {}", killed.error().message());
  }
}

void Launch::end_network() {
  if (!network_) return;
  if (auto detached = network_->detach(base::Deadline::in(kDetachLimit)); !detached) {
    log::warning("vm", "removing the VM's network: {}", detached.error().message());
  }
}

void Launch::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (!is_settled_ && !canceller_.joinable()) canceller_ = std::thread([this] { cancel_again(); });
}

/// A cancel does not reach a verb that has not quite begun.
void Launch::cancel_again() {
  std::unique_lock lock(mutex_);
  while (!is_settled_) {
    if (images_) images_->cancel();
    if (machine_) machine_->cancel();
    if (memory_) memory_->cancel();
    if (network_) network_->cancel();
    settled_.wait_for(lock, kCancelPause);
  }
}

void Launch::settle() {
  {
    const std::lock_guard lock(mutex_);
    is_settled_ = true;
    settled_.notify_all();
  }
  if (canceller_.joinable()) canceller_.join();
}

}  // namespace fcvm::vm
