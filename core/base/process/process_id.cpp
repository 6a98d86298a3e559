// See process_id.hpp. What is known of a process is read from /proc/PID/stat.
#include "core/base/process/process_id.hpp"

#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/poll.hpp"

namespace fcvm::base {

namespace {

struct ProcessStat {
  char state = '?';
  std::uint64_t start_time = 0;
};

/// "1234 (comm) S 1 ...": comm is whatever the process says, spaces and parentheses included, but
/// it is the only text, so it ends at the last parenthesis.
std::optional<ProcessStat> parse_stat(std::string_view text) {
  constexpr int kFieldsFromStateToStart = 19;  // state is field 3, starttime field 22
  const std::size_t comm_end = text.rfind(')');
  if (comm_end == std::string_view::npos || comm_end + 2 >= text.size()) return std::nullopt;
  text.remove_prefix(comm_end + 2);
  ProcessStat stat;
  stat.state = text.front();
  for (int i = 0; i < kFieldsFromStateToStart; ++i) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    text.remove_prefix(space + 1);
  }
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), stat.start_time);
  if (parsed.ec != std::errc()) return std::nullopt;
  return stat;
}

Result<ProcessStat> read_stat(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  auto text = read_file(path, 64 * 1024);
  if (!text) {
    // Without /proc nothing is known, which is something else than a process that has gone.
    const int code = text.error().code();
    const bool gone = code == ESRCH || (code == ENOENT && open_file("/proc/self/stat", 0));
    if (gone) return fail(ESRCH, "process " + std::to_string(pid) + ": No such process");
    return unexpected(std::move(text).error());
  }
  const auto stat = parse_stat(*text);
  if (!stat) return fail(EPROTO, "reading " + path + ": it is not in the known form");
  return *stat;
}

// Neither changes while this process lives.
const std::string& this_boot() {
  static const std::string id = [] {
    const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
    return text ? text->substr(0, text->find('\n')) : std::string();
  }();
  return id;
}

std::uint64_t own_pid_namespace() {
  static const std::uint64_t inode = [] {
    struct stat info {};
    return ::stat("/proc/self/ns/pid", &info) == 0 ? std::uint64_t{info.st_ino} : 0;
  }();
  return inode;
}

}  // namespace

bool ProcessId::is_of_another_boot() const {
  return !boot.empty() && !this_boot().empty() && boot != this_boot();
}

bool ProcessId::is_foreign() const {
  return pid_namespace != 0 && own_pid_namespace() != 0 && pid_namespace != own_pid_namespace();
}

bool ProcessId::alive() const {
  if (pid <= 0 || is_of_another_boot()) return false;
  if (is_foreign()) return true;
  const auto stat = read_stat(pid);
  if (!stat) return stat.error().code() != ESRCH;
  return stat->start_time == start_time && stat->state != 'Z' && stat->state != 'X';
}

Result<ProcessId> identify(pid_t pid) {
  const ProcessStat stat = FCVM_TRY(read_stat(pid) | context("identifying a process"));
  return ProcessId{pid, stat.start_time, this_boot(), own_pid_namespace()};
}

// The pid is opened first and its start time compared after: if it is still that process now, then
// it also was when the handle was made.
Result<Fd> open_process(const ProcessId& process) {
  const auto gone = [&] {
    return fail(ESRCH, "process " + std::to_string(process.pid) + ": No such process");
  };
  if (process.pid <= 0 || process.is_of_another_boot()) return gone();
  if (process.is_foreign()) {
    return fail(EXDEV,
                "process " + std::to_string(process.pid) + " belongs to another pid namespace",
                "run fcvm where the VM was started: in that container, or outside of this one");
  }
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!pidfd) return fail_errno("opening process " + std::to_string(process.pid));
  const auto now = identify(process.pid);
  if (!now && now.error().code() != ESRCH) return unexpected(now.error());
  if (!now || now->start_time != process.start_time) return gone();
  return pidfd;
}

Result<void> signal_process(const ProcessId& process, int number) {
  const Fd pidfd = FCVM_TRY(open_process(process));
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) != 0) {
    return fail_errno("signalling process " + std::to_string(process.pid));
  }
  return {};
}

Result<void> wait_for_end(const ProcessId& process, Deadline deadline) {
  const auto pidfd = open_process(process);
  if (!pidfd && pidfd.error().code() == ESRCH) return {};
  if (!pidfd) return unexpected(pidfd.error());
  return wait_readable(pidfd->get(), deadline) |
         context("waiting for process " + std::to_string(process.pid));
}

}  // namespace fcvm::base
