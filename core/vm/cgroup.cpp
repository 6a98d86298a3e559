#include "core/vm/cgroup.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

#include "core/base/deadline.hpp"
#include "core/base/file.hpp"
#include "core/vm/id.hpp"

namespace fcvm::vm {
namespace {

constexpr std::string_view kPrefix = "fcvm-";
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

/// Ours, as a path below the mount point.
std::string own_cgroup() {
  const auto cgroups = base::read_file("/proc/self/cgroup");
  if (!cgroups) return "";
  std::istringstream lines(*cgroups);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return "";
}

/// A process may be moved only by who may write to the list of the cgroup above both.
bool may_fill(const std::string& parent) {
  return ::access(parent.c_str(), W_OK) == 0 &&
         ::access((parent + "/cgroup.procs").c_str(), W_OK) == 0;
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

std::string cgroup_place(const std::string& vm_id) {
  std::string parent = mount_point();
  if (parent.empty()) return "";
  parent += own_cgroup();
  if (!may_fill(parent)) return "";
  while (parent.ends_with('/')) parent.pop_back();
  return parent + "/" + std::string(kPrefix) + vm_id;
}

Result<void> remove_cgroup(const std::string& path) {
  struct stat info {};
  if (path.empty() || (::lstat(path.c_str(), &info) != 0 && errno == ENOENT)) return {};
  if (!is_of_a_vm(path)) return fail(EINVAL, path + " is no cgroup of a VM");
  const auto deadline = base::Deadline::in(kEndLimit);
  while (::rmdir(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    if (errno != EBUSY || deadline.expired()) return fail_errno("removing " + path);
    kill_all(path);
    std::this_thread::sleep_for(kRetry);
  }
  return {};
}

Result<Cgroup> Cgroup::make(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) return fail_errno("making the cgroup " + path);
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno("opening the cgroup " + path);
  return Cgroup(std::move(directory));
}

}  // namespace fcvm::vm
