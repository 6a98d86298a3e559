// See jailer.hpp.
#include "core/plugin/jailer.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <linux/capability.h>
#include <memory>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include <fcvm/sdk/process.hpp>
#include <fcvm/sdk/sized.hpp>

#include "core/base/io/file.hpp"
#include "core/base/io/file_acl.hpp"
#include "core/log/log.hpp"
#include "core/plugin/process_spec.hpp"

namespace fcvm::plugin {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFileMargin = 1ULL << 30;
constexpr rlim_t kMostFiles = 4096;

bool holds(const fcvm_process_spec& spec, int resource) {
  for (const auto& limit : sized_elements(spec.limits, spec.limit_count)) {
    if (static_cast<int>(limit.resource) == resource) return true;
  }
  return false;
}

/// What the plugin says nothing of. A core dump would hold the guest's memory.
std::vector<fcvm_resource_limit> default_limits(const fcvm_process_spec& spec,
                                                std::uint64_t largest_file) {
  std::vector<fcvm_resource_limit> limits;
  const auto add = [&](int resource, std::uint64_t most) {
    if (!holds(spec, resource)) limits.push_back(resource_limit(resource, most));
  };
  add(RLIMIT_CORE, 0);
  add(RLIMIT_NOFILE, kMostFiles);
  if (largest_file > 0) add(RLIMIT_FSIZE, largest_file + kFileMargin);
  return limits;
}

Result<std::string> path_of_descriptor(int fd) {
  std::error_code error;
  const auto path = fs::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
  if (error) return fail(error.value(), "finding the path of a directory: " + error.message());
  return path.string();
}

std::string program_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string candidate = directory + "/" + program;
    if (!directory.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

bool is_device(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISCHR(status.st_mode);
}

Result<void> change_owner(int fd, uid_t uid, const std::string& name) {
  if (::fchownat(fd, "", uid, uid, AT_EMPTY_PATH) == 0) return {};
  return fail_errno("giving " + name + " to the VM's user " + std::to_string(uid));
}

/// Each file and socket in it whose owner is `from`; links and what has other names are left alone.
Result<void> change_owners(int directory_fd, uid_t from, uid_t to) {
  const int copy = ::openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(copy < 0 ? nullptr : ::fdopendir(copy),
                                                      ::closedir);
  if (!directory) return fail_errno("reading the VM's directory");
  while (const dirent* entry = ::readdir(directory.get())) {
    const base::Fd file(::openat(copy, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) continue;
    const bool plain = S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode);
    if (!plain || status.st_nlink != 1 || status.st_uid != from) continue;
    FCVM_TRY(change_owner(file.get(), to, entry->d_name));
  }
  return change_owner(copy, to, "the VM's directory");
}

/// Where there are no ACLs: to the readers instead of its group, whose other rights end.
bool hand_to_readers(const std::string& path, mode_t mode, gid_t readers) {
  const mode_t others = mode & 0707;
  return ::chmod(path.c_str(), others) == 0 &&
         ::chown(path.c_str(), static_cast<uid_t>(-1), readers) == 0 &&
         ::chmod(path.c_str(), others | S_IRGRP) == 0;
}

}  // namespace

bool may_become(uid_t uid) {
  if (::geteuid() != 0) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, has) != 0) return false;
  for (const int needed : {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_CHOWN, CAP_MKNOD}) {
    if ((has[0].effective & (1U << needed)) == 0) return false;
  }
  const auto map = base::read_file("/proc/self/uid_map");
  std::istringstream ranges(map ? *map : "");
  std::uint64_t first = 0, outside = 0, count = 0;
  while (ranges >> first >> outside >> count) {
    // Elsewhere than in the first user namespace no device can be made.
    if (first == outside && uid >= first && uid - first < count) return true;
  }
  return false;
}

Jailer::~Jailer() {
  for (const auto& [handle, directory] : directories_) give_back(directory.get());
  if (auto taken = take_back_files(); !taken) log::warning("vm", "{}", taken.error().message());
}

/// All that can be; the error of the last that cannot.
Result<void> Jailer::take_back_files() {
  Result<void> taken;
  for (const auto& path : given_) {
    if (::lchown(path.c_str(), ::geteuid(), ::getegid()) != 0) {
      taken = fail_errno("taking " + path + " back from the VM's user");
    }
  }
  given_.clear();
  return taken;
}

/// Without namespaces a VM's user could not even reach the VM's directory: the way there is ours
/// alone. So the VMM, and whatever is started after it, is our own user's, as are its files.
Result<void> Jailer::settle_for(const base::JailOutcome& less, const fcvm_process_spec& spec) {
  if (less.level < settings_.at_least) {
    return fail(EPERM,
                fmt::format("it cannot be jailed as well as jail.at-least wants: {}", less.reason),
                "fcvm doctor");
  }
  if (!settings_.uid) return {};
  const uid_t uid = *std::exchange(settings_.uid, std::nullopt);
  if (directory_of(spec) >= 0) FCVM_TRY(change_owners(directory_of(spec), uid, ::geteuid()));
  return take_back_files();
}

void Jailer::give_back(int directory_fd) const {
  if (!settings_.uid) return;
  if (auto done = change_owners(directory_fd, *settings_.uid, ::geteuid()); !done) {
    log::warning("vm", "{}", done.error().message());
  }
}

Result<std::uint64_t> Jailer::spawn(std::string_view owner, const fcvm_process_spec& spec) {
  base::Jail jail =
      FCVM_TRY(jail_for(spec) | context(fmt::format("making a jail for {}", spec.program)));
  jail.before_less = [&](const base::JailOutcome& less) { return settle_for(less, spec); };
  const auto defaults = default_limits(spec, files_.largest_file);
  std::vector<const fcvm_resource_limit*> limits(spec.limits, spec.limits + spec.limit_count);
  for (const auto& limit : defaults) limits.push_back(&limit);
  fcvm_process_spec limited = spec;
  limited.limits = limits.data();
  limited.limit_count = static_cast<std::uint32_t>(limits.size());
  const auto handle = FCVM_TRY(keeper_.spawn_jailed(owner, limited, jail));
  if (settings_.uid && directory_of(spec) >= 0) {
    const std::lock_guard lock(mutex_);
    directories_[handle] = base::Fd(::fcntl(directory_of(spec), F_DUPFD_CLOEXEC, 0));
  }
  return handle;
}

void Jailer::release(std::uint64_t handle, std::chrono::nanoseconds grace) {
  keeper_.release(handle, grace);
  const std::lock_guard lock(mutex_);
  const auto at = directories_.find(handle);
  if (at == directories_.end()) return;
  give_back(at->second.get());
  directories_.erase(at);
}

Result<base::Jail> Jailer::jail_for(const fcvm_process_spec& spec) {
  base::Jail jail = FCVM_TRY(base::Jail::with_system());
  jail.uid = settings_.uid;
  jail.readers = settings_.readers;
  jail.own_network = net_namespace_of(spec) < 0;
  const std::string program = program_path(spec.program);
  if (!program.empty()) FCVM_TRY(jail.allow_program(program));
  for (const auto& path : settings_.files) FCVM_TRY(jail.allow(path, base::Jail::Access::kExecute));
  if (directory_of(spec) >= 0) {
    FCVM_TRY(add_directory(jail, directory_of(spec)));
    FCVM_TRY(add_files(jail));
    add_devices(jail);
  }
  FCVM_TRY(add_items(jail, spec));
  return jail;
}

Result<void> Jailer::add_directory(base::Jail& jail, int directory_fd) {
  const std::string path = FCVM_TRY(path_of_descriptor(directory_fd));
  FCVM_TRY(jail.allow(path, base::Jail::Access::kWrite));
  jail.directory = path;
  if (!settings_.uid) return {};
  return change_owners(directory_fd, ::geteuid(), *settings_.uid);
}

Result<void> Jailer::add_files(base::Jail& jail) {
  for (const auto& item : files_.items) {
    FCVM_TRY(add(jail, item.inside, item.outside, item.writable));
  }
  return {};
}

/// Those that there are: a VMM without KVM emulates, one without vhost copies itself.
void Jailer::add_devices(base::Jail& jail) const {
  std::vector<const char*> devices = {"/dev/kvm"};
  if (files_.has_network) devices.insert(devices.end(), {"/dev/net/tun", "/dev/vhost-net"});
  if (files_.has_page_server) devices.push_back("/dev/userfaultfd");
  for (const char* device : devices) {
    if (auto added = jail.allow_device(device); !added) {
      log::debug("vm", "{}", added.error().message());
    }
  }
}

Result<void> Jailer::add_items(base::Jail& jail, const fcvm_process_spec& spec) {
  if (spec.jail == nullptr) return {};
  const auto list = sized_copy(spec.jail);
  const std::string directory =
      directory_of(spec) < 0 ? "" : FCVM_TRY(path_of_descriptor(directory_of(spec)));
  for (const auto& item : sized_elements(list.items, list.item_count)) {
    if (item.path == nullptr) return fail(EINVAL, "an item of its jail has no path");
    const std::string path = (fs::path(directory) / item.path).lexically_normal().string();
    if ((item.flags & FCVM_JAIL_OPTIONAL) != 0 && ::access(path.c_str(), F_OK) != 0) continue;
    FCVM_TRY(add(jail, item.inside == nullptr ? path : item.inside, path,
                 (item.flags & FCVM_JAIL_WRITABLE) != 0));
  }
  return {};
}

Result<void> Jailer::add(base::Jail& jail, const std::string& inside, const std::string& path,
                         bool writable) {
  if (is_device(path)) return jail.allow_device(path);
  if (settings_.uid) FCVM_TRY(writable ? let_write(path) : let_read(path));
  return jail.allow_as(inside, path,
                       writable ? base::Jail::Access::kWrite : base::Jail::Access::kExecute);
}

Result<void> Jailer::let_write(const std::string& path) {
  const base::Fd file = FCVM_TRY(base::open_file(path, O_PATH));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + path);
  if ((status.st_mode & S_IWOTH) != 0 || status.st_uid == *settings_.uid) return {};
  FCVM_TRY(change_owner(file.get(), *settings_.uid, path));
  if (status.st_uid == ::geteuid()) given_.push_back(path);
  return {};
}

/// Several VMs may read it at once, so their group may, rather than one VM.
Result<void> Jailer::let_read(const std::string& path) const {
  const base::Fd file = FCVM_TRY(base::open_file(path, O_PATH));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + path);
  const bool readers_may = status.st_gid == settings_.readers && (status.st_mode & S_IRGRP) != 0;
  if ((status.st_mode & S_IROTH) != 0 || readers_may) return {};
  auto let = base::let_group_read(file.get(), settings_.readers);
  const std::string name = fmt::format("/proc/self/fd/{}", file.get());
  if (let || (let.error().code() == EOPNOTSUPP && status.st_uid == ::geteuid() &&
              hand_to_readers(name, status.st_mode, settings_.readers))) {
    return {};
  }
  return fail(let.error().code(),
              fmt::format("letting the users of VMs read {}: {}", path, let.error().message()),
              "chmod o+r " + path);
}

}  // namespace fcvm::plugin
