// See inherited.hpp.
#include "agent/boot/inherited.hpp"

#include <cctype>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/boot/kernel_files.hpp"
#include "agent/log.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kLongestMachineId = 64;

// As /proc/net/tcp and tcp6 write them.
constexpr std::string_view kListens = "0A";
constexpr std::string_view kLoopback6 = "00000000000000000000000001000000";
constexpr std::string_view kMapped4 = "0000000000000000FFFF0000";

bool is_loopback(std::string_view address) {
  if (address == kLoopback6) return true;
  if (address.starts_with(kMapped4)) address.remove_prefix(kMapped4.size());
  return address.size() == 8 && address.ends_with("7F");
}

std::string_view without_port(std::string_view endpoint) {
  return endpoint.substr(0, endpoint.find(':'));
}

std::set<std::string> outward_sockets() {
  std::set<std::string> links;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::istringstream lines(base::read_file(table).value_or(""));
    for (std::string line; std::getline(lines, line);) {
      if (const auto inode = outward_inode(line); inode != 0) {
        links.insert("socket:[" + std::to_string(inode) + "]");
      }
    }
  }
  return links;
}

std::string read_link(const std::string& path) {
  char text[64];
  const ssize_t size = ::readlink(path.c_str(), text, sizeof text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

/// Silently where the kernel can: a connection that is dropped says nothing to its other end, which
/// goes on with the source.
void break_socket(int socket) {
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  if (::connect(socket, &nobody, sizeof nobody) == 0) return;
  // Some kernels refuse that while a thread waits there.
  ::shutdown(socket, SHUT_RDWR);
}

Result<void> break_sockets_of(pid_t pid, const std::set<std::string>& links) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& name : list_directory(directory)) {
    if (!links.contains(read_link(directory + "/" + name))) continue;
    const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return {};  // it has ended
    const base::Fd socket(
        static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), std::stoi(name), 0)));
    if (!socket && errno != EBADF && errno != ESRCH) {
      return fail_errno("breaking a connection of process " + std::to_string(pid));
    }
    if (socket) break_socket(socket.get());
  }
  return {};
}

/// A file of the container, whatever links lie there; never one of the guest.
Result<base::Fd> open_in(int root, const char* path) {
  open_how how{};
  how.flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  base::Fd file(static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how)));
  if (!file) return fail_errno(std::string("opening the container's ") + path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno(std::string("looking at ") + path);
  if (S_ISREG(status.st_mode)) return file;
  return fail(EINVAL, std::string("the container's ") + path + " is not a file");
}

/// A container may have none of them, or may not be written to; then it sees no source's name there
/// either, or wants to keep it.
void write_in(int root, const char* path, const std::string& text) {
  if (text.empty()) return;
  const auto file = open_in(root, path);
  if (!file) return;
  if (::ftruncate(file->get(), 0) != 0 || !base::write_all(file->get(), text)) {
    log_line(std::string("the container's ") + path + " could not be written anew");
  }
}

bool has_machine_id(int root) {
  const auto file = open_in(root, "etc/machine-id");
  if (!file) return false;
  const auto text = base::read_all(file->get(), kLongestMachineId);
  return text && text->size() >= 32 && std::isxdigit(static_cast<unsigned char>(text->front()));
}

Result<void> set_hostname_of(pid_t container, const std::string& hostname) {
  const auto own = FCVM_TRY(base::open_file("/proc/self/ns/uts", O_RDONLY));
  const auto theirs =
      FCVM_TRY(base::open_file("/proc/" + std::to_string(container) + "/ns/uts", O_RDONLY));
  if (::setns(theirs.get(), CLONE_NEWUTS) != 0) return fail_errno("entering the container's names");
  const int named = ::sethostname(hostname.data(), hostname.size());
  const auto done = named == 0 ? Result<void>() : fail_errno("setting the container's hostname");
  if (::setns(own.get(), CLONE_NEWUTS) != 0) return fail_errno("leaving the container's names");
  return done;
}

}  // namespace

unsigned long outward_inode(const std::string& line) {
  std::istringstream words(line);
  std::string number, local, remote, state, word;
  unsigned long inode = 0;
  words >> number >> local >> remote >> state;
  for (int i = 0; i < 5; ++i) words >> word;  // queues, timers, user
  if (!(words >> inode) || state == kListens) return 0;
  const auto to = without_port(remote);
  return is_loopback(to) || to == without_port(local) ? 0 : inode;
}

Result<void> break_connections() {
  const auto links = outward_sockets();
  if (links.empty()) return {};
  for (const auto& name : list_directory("/proc")) {
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    FCVM_TRY(break_sockets_of(std::stoi(name), links));
  }
  return {};
}

Result<void> rename_in_container(pid_t container, const ContainerNames& names) {
  const auto root = FCVM_TRY(
      base::open_file("/proc/" + std::to_string(container) + "/root", O_PATH | O_DIRECTORY));
  if (!names.hostname.empty()) {
    FCVM_TRY(set_hostname_of(container, names.hostname));
    write_in(root.get(), "etc/hostname", names.hostname + "\n");
  }
  write_in(root.get(), "etc/hosts", names.hosts);
  write_in(root.get(), "etc/resolv.conf", names.resolv_conf);
  if (has_machine_id(root.get())) write_in(root.get(), "etc/machine-id", names.machine_id + "\n");
  return {};
}

}  // namespace fcvm::agent
