#include "core/vm/host/cgroup.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <pwd.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/base/deadline.hpp"
#include "core/base/io/file.hpp"
#include "core/log/log.hpp"
#include "core/vm/host/cgroup_limits.hpp"
#include "core/vm/host/systemd_scope.hpp"
#include "core/vm/model/id.hpp"

namespace fcvm::vm {
namespace {

constexpr std::string_view kPrefix = "fcvm-";
constexpr std::string_view kOurs = "/fcvm";  // of all VMs of root
constexpr auto kEndLimit = std::chrono::seconds(5);
constexpr auto kRetry = std::chrono::milliseconds(2);

/// Where the unified hierarchy is mounted: alone, or beside those of version 1.
std::string mount_point() {
  const auto mounts = base::read_file("/proc/self/mountinfo");
  if (!mounts) return "";
  std::istringstream lines(*mounts);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped, point;
    fields >> skipped >> skipped >> skipped >> skipped >> point;
    return point;
  }
  return "";
}

/// Ours, below the mount point.
std::string own_cgroup(std::string mount_point) {
  const auto cgroups = base::read_file("/proc/self/cgroup");
  if (!cgroups) return mount_point;
  std::istringstream lines(*cgroups);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) mount_point += line.substr(3);
  }
  while (mount_point.ends_with('/')) mount_point.pop_back();
  return mount_point;
}

/// A process may be moved only by who may write to the list of the cgroup above both.
bool may_fill(const std::string& parent) {
  return ::access(parent.c_str(), W_OK) == 0 &&
         ::access((parent + "/cgroup.procs").c_str(), W_OK) == 0;
}

/// Processes and limits of children do not go together in one cgroup. In one that is this
/// program's alone, such as a systemd unit with Delegate=yes, the processes move a level down.
bool leave_to_leaf(const std::string& own) {
  const auto text = base::read_file(own + "/cgroup.procs");
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!text || error) return false;
  std::vector<pid_t> processes;
  std::istringstream ids(*text);
  for (pid_t pid = 0; ids >> pid;) {
    const auto theirs =
        std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
    if (error || theirs != program) return false;
    processes.push_back(pid);
  }
  const std::string leaf = own + "/fcvm-supervisors";
  if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return false;
  return std::all_of(processes.begin(), processes.end(), [&](pid_t pid) {
    const Fd list(::open((leaf + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    const std::string number = std::to_string(pid);
    return list && ::write(list.get(), number.data(), number.size()) > 0;
  });
}

bool may_limit_below(const std::string& own) {
  return may_fill(own) &&
         (enable_controllers(own) || (leave_to_leaf(own) && enable_controllers(own)));
}

/// For a session of root's, say, whose cgroup has processes and so cannot have limits below it.
bool may_limit_below_ours(const std::string& mount_point) {
  const std::string ours = mount_point + std::string(kOurs);
  return enable_controllers(mount_point) && (::mkdir(ours.c_str(), 0755) == 0 || errno == EEXIST) &&
         enable_controllers(ours);
}

bool is_limited(const std::string& cgroup) {
  for (const char* file : {"/memory.max", "/pids.max", "/cpu.max"}) {
    const auto text = base::read_file(cgroup + file, 4096);
    if (text && !text->starts_with("max")) return true;
  }
  return false;
}

/// Without it, a user's systemd and all its scopes end with the user's last session.
bool lingers() {
  const passwd* const user = ::getpwuid(::geteuid());
  return user != nullptr &&
         ::access((std::string("/var/lib/systemd/linger/") + user->pw_name).c_str(), F_OK) == 0;
}

/// A service ends what it has started, and a limit that somebody set holds: such a cgroup is not
/// left. Above a user's own systemd or session, limits are the system's for the whole user.
Result<void> may_leave(const std::string& mount_point, const std::string& own,
                       bool outlives_session) {
  namespace fs = std::filesystem;
  for (fs::path at = own; at.string().size() > mount_point.size(); at = at.parent_path()) {
    const std::string name = at.filename().string();
    if (name.starts_with("user@")) return {};
    if (name.ends_with(".service")) return fail(EBUSY, "it belongs to the service " + name);
    if (is_limited(at.string())) return fail(EBUSY, at.string() + " has limits");
    if (!name.starts_with("session-")) continue;
    if (outlives_session && !lingers()) {
      return fail(EBUSY, "systemd would end it with the session: see loginctl enable-linger");
    }
    return {};
  }
  return {};
}

Result<void> enter_scope(const std::string& mount_point, const std::string& vm_id,
                         bool outlives_session) {
  FCVM_TRY(may_leave(mount_point, own_cgroup(mount_point), outlives_session));
  FCVM_TRY(enter_systemd_scope(vm_id));
  // In a container, systemd may have taken another process for this one.
  if (own_cgroup(mount_point).find("/fcvm-" + vm_id + ".scope") != std::string::npos) return {};
  return fail(EIO, "systemd has made the scope, and this process is not in it");
}

/// Whatever a record says, nothing else is ended.
bool is_of_a_vm(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  struct statfs about {};
  return name.starts_with(kPrefix) && is_id(name.substr(kPrefix.size())) &&
         ::statfs(path.c_str(), &about) == 0 && about.f_type == CGROUP2_SUPER_MAGIC;
}

/// `cgroup.kill` is of Linux 5.14; before, one by one, which a caller repeats.
void kill_all(const std::string& path) {
  const Fd all(::open((path + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  if (all && ::write(all.get(), "1", 1) == 1) return;
  const auto processes = base::read_file(path + "/cgroup.procs");
  if (!processes) return;
  std::istringstream ids(*processes);
  for (pid_t pid = 0; ids >> pid;) {
    if (pid > 0) ::kill(pid, SIGKILL);
  }
}

}  // namespace

Result<std::string> cgroup_place(const std::string& vm_id, bool outlives_session) {
  const std::string top = mount_point();
  if (top.empty()) return fail(ENOTSUP, "no cgroup of version 2 is mounted");
  const std::string name = "/" + std::string(kPrefix) + vm_id;
  std::string own = own_cgroup(top);
  if (may_limit_below(own)) return own + name;
  if (::geteuid() == 0 && may_limit_below_ours(top)) return top + std::string(kOurs) + name;
  std::string reason;
  if (::geteuid() != 0) {
    const auto entered = enter_scope(top, vm_id, outlives_session);
    if (!entered) reason = " (" + entered.error().message() + ")";
    own = own_cgroup(top);
    if (entered) may_limit_below(own);
  }
  if (!reason.empty()) log::debug("vm", "this VM has no scope of systemd's{}", reason);
  if (may_fill(own)) return own + name;
  return fail(EACCES, "no cgroup may be made in " + own + reason);
}

std::string find_cgroup(const std::string& vm_id) {
  const std::string top = mount_point();
  if (top.empty()) return "";
  namespace fs = std::filesystem;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(top, options, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename() == std::string(kPrefix) + vm_id) return at->path().string();
  }
  return "";
}

Result<void> remove_cgroup(const std::string& path) {
  struct stat info {};
  if (path.empty() || (::lstat(path.c_str(), &info) != 0 && errno == ENOENT)) return {};
  if (!is_of_a_vm(path)) return fail(EINVAL, path + " is not a cgroup of a VM");
  const auto deadline = base::Deadline::in(kEndLimit);
  while (::rmdir(path.c_str()) != 0) {
    if (errno == ENOENT) break;
    if (errno != EBUSY || deadline.expired()) return fail_errno("removing " + path);
    kill_all(path);
    std::this_thread::sleep_for(kRetry);
  }
  // The last VM of root's takes the cgroup of them all along.
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (parent.ends_with(kOurs)) ::rmdir(parent.c_str());
  return {};
}

Result<Cgroup> Cgroup::make(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  bool made = ::mkdir(path.c_str(), 0755) == 0;
  // Another VM, which was the last, may just have taken the cgroup of them all along.
  if (!made && errno == ENOENT && parent.ends_with(kOurs) && ::mkdir(parent.c_str(), 0755) == 0) {
    enable_controllers(parent);
    made = ::mkdir(path.c_str(), 0755) == 0;
  }
  if (!made) return fail_errno("making the cgroup " + path);
  // Below one that was made threaded no process can be started.
  const auto type = base::read_file(path + "/cgroup.type");
  if (type && !type->starts_with("domain\n")) {
    ::rmdir(path.c_str());
    return fail(EOPNOTSUPP, "the cgroup " + parent + " is threaded: no process may start below it");
  }
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno("opening the cgroup " + path);
  return Cgroup(path, std::move(directory));
}

}  // namespace fcvm::vm
