// See helper.hpp.
#include "agent/process/helper.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/process/enter/request.hpp"
#include "core/base/io/file.hpp"

// The program itself, as a part of the agent: an initrd needs no file for it.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "fcvm_helper_begin:\n"
    ".incbin \"" FCVM_HELPER
    "\"\n"
    "fcvm_helper_end:\n"
    ".popsection\n");
extern "C" {
extern const char fcvm_helper_begin __attribute__((visibility("hidden")));
extern const char fcvm_helper_end __attribute__((visibility("hidden")));
}

namespace fcvm::agent {
namespace {

/// Above all that the helper is given, so that none of it lies where another one goes.
constexpr int kAboveAll = 16;
static_assert(kAboveAll > enter::kDescriptors);

std::string_view helper_image() {
  return {&fcvm_helper_begin, static_cast<std::size_t>(&fcvm_helper_end - &fcvm_helper_begin)};
}

Result<base::Fd> make_program() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, which kernels before 6.3 do not know
  int made = ::memfd_create("fc-enter", MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable);
  if (made < 0 && errno == EINVAL) {
    made = ::memfd_create("fc-enter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  }
  const base::Fd file(made);
  if (!file) return fail_errno("making the helper's file");
  FCVM_TRY(base::write_all(file.get(), helper_image()) | context("filling the helper's file"));
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) return fail_errno("sealing the helper's file");
  base::Fd above(::fcntl(file.get(), F_DUPFD_CLOEXEC, kAboveAll));
  if (!above) return fail_errno("keeping the helper's file");
  return above;
}

// The guest has cgroup2 alone, so the process has one line: "0::/path".
Result<base::Fd> open_cgroup(pid_t pid) {
  const std::string line = FCVM_TRY(base::read_file("/proc/" + std::to_string(pid) + "/cgroup"));
  const auto start = line.find("0::");
  if (start == std::string::npos) return base::Fd();
  const std::string path = line.substr(start + 3, line.find('\n', start) - start - 3);
  return base::open_file("/sys/fs/cgroup" + path, O_PATH | O_DIRECTORY);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

using Descriptors = std::array<int, enter::kDescriptors>;

// Shares the agent's memory until it has executed the helper, so it must change nothing there. What
// fails is told by the link, as the helper does.
[[noreturn]] void become_helper(Descriptors descriptors, int program, char* const* command,
                                char* const* environment) {
  for (int& descriptor : descriptors) {
    if (descriptor >= 0) descriptor = ::fcntl(descriptor, F_DUPFD_CLOEXEC, kAboveAll);
  }
  unsigned beyond = 0;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    if (descriptors[i] < 0) continue;
    ::dup2(descriptors[i], static_cast<int>(i));
    beyond = static_cast<unsigned>(i) + 1;
  }
  ::syscall(SYS_close_range, beyond, ~0U, CLOSE_RANGE_CLOEXEC);
  ::syscall(SYS_execveat, program, "", command, environment, AT_EMPTY_PATH);
  const enter::Report report{enter::Step::kHelper, errno};
  [[maybe_unused]] const auto told = ::write(enter::kLink, &report, sizeof report);
  ::_exit(125);
}

template <typename T>
void append(std::string& bytes, const T* values, std::size_t count) {
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

void add_credentials(const Credentials& credentials, enter::Request& request) {
  request.flags |= enter::kCredentialsGiven;
  request.uid = credentials.uid;
  request.gid = credentials.gid;
  request.umask = credentials.umask;
  request.groups = static_cast<std::uint32_t>(credentials.groups.size());
  if (credentials.no_new_privileges) request.flags |= enter::kNoNewPrivileges;
  if (!credentials.capabilities) return;
  request.flags |= enter::kCapabilitiesGiven;
  request.bounding = credentials.capabilities->bounding;
  request.effective = credentials.capabilities->effective;
  request.permitted = credentials.capabilities->permitted;
  request.inheritable = credentials.capabilities->inheritable;
  request.ambient = credentials.capabilities->ambient;
}

std::uint32_t size_with_zero(const std::string& path) {
  return path.empty() ? 0 : static_cast<std::uint32_t>(path.size() + 1);
}

}  // namespace

Result<int> helper_program() {
  static const Result<base::Fd> program = make_program();
  if (!program) return Unexpected(program.error());
  return program->get();
}

Result<Entrance> find_entrance(pid_t container) {
  Entrance entrance;
  if (container <= 0) return entrance;
  entrance.container = base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, container, 0)));
  if (!entrance.container) return fail(ESRCH, "entering the container: it does not run");
  entrance.cgroup = FCVM_TRY(open_cgroup(container));
  return entrance;
}

Result<std::string> helper_request(const ProcessOptions& options, const Entrance& entrance) {
  enter::Request request{};
  if (entrance.container) request.flags |= enter::kEntersContainer;
  if (entrance.cgroup) request.flags |= enter::kJoinsCgroup;
  if (options.tty) request.flags |= enter::kTerminal;
  if (options.credentials) add_credentials(*options.credentials, request);
  request.filter_flags = options.seccomp_flags;
  request.limits = static_cast<std::uint32_t>(options.limits.size());
  request.filter = static_cast<std::uint32_t>(options.seccomp.size());
  request.workdir = size_with_zero(options.workdir);
  if (enter::size_of(request) > enter::kLargestRequest) {
    return fail(E2BIG, "running " + options.command[0] + ": its groups and paths are too long");
  }
  std::string packet;
  append(packet, &request, 1);
  for (const auto& [resource, limit] : options.limits) {
    const enter::Limit one{static_cast<std::uint64_t>(resource), limit.rlim_cur, limit.rlim_max};
    append(packet, &one, 1);
  }
  append(packet, options.seccomp.data(), options.seccomp.size());
  if (options.credentials) append(packet, options.credentials->groups.data(), request.groups);
  append(packet, options.workdir.c_str(), request.workdir);
  return packet;
}

Result<pid_t> start_helper(const ProcessOptions& options, const Entrance& entrance,
                           const ChildStreams& streams, const base::Fd& link) {
  const int program = FCVM_TRY(helper_program());
  const auto command = pointers(options.command);
  const auto environment = pointers(options.environment);
  static_assert(ProcessOptions::kInheritedAs == enter::kContainer);
  const int fourth = entrance.container ? entrance.container.get() : options.inherited;
  const Descriptors descriptors = {
      streams.in.get(), streams.out.get(),    streams.err.get(), link.get(),
      fourth,           entrance.cgroup.get()};
  const pid_t pid = ::vfork();
  if (pid == 0) become_helper(descriptors, program, command.data(), environment.data());
  if (pid < 0) return fail_errno("forking for " + options.command[0]);
  return pid;
}

}  // namespace fcvm::agent
