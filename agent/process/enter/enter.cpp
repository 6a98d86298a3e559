// fc-enter: the way of a command into the container and to its program.
//
// The agent starts it for each command, from a sealed file in memory. It should hold nothing that
// the container must not have: no memory of the agent's, no descriptor beside its own, and nobody
// may trace it or look at it before it has become the command. It must not use libc, which would
// run before the first line here.
#include <asm/ioctls.h>
#include <asm/stat.h>
#include <cerrno>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "agent/process/enter/identity.hpp"
#include "agent/process/enter/system_call.hpp"

namespace fcvm::agent::enter {
namespace {

constexpr std::size_t kLongestPath = 4096;
// linux/stat.h has them for those alone who have no libc at all.
constexpr unsigned kTypeMask = 0170000;
constexpr unsigned kCharacterDevice = 0020000;

alignas(8) constinit char packet_bytes[kLargestRequest] = {};

std::size_t length(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}

void tell(Step step, long error) {
  const Report report{step, static_cast<std::int32_t>(error)};
  system_call(__NR_write, kLink, address(&report), sizeof report);
}

void close(int descriptor) { system_call(__NR_close, descriptor); }

Packet receive() {
  const long size = system_call(__NR_read, kLink, address(&packet_bytes[0]), sizeof packet_bytes);
  const auto* request = reinterpret_cast<const Request*>(&packet_bytes[0]);
  // The agent has left, or thought better of it.
  if (size < static_cast<long>(sizeof(Request))) leave(125);
  if (static_cast<std::size_t>(size) != size_of(*request)) give_up(Step::kHelper, EBADMSG);
  Packet packet{};
  packet.request = request;
  packet.limits = reinterpret_cast<const Limit*>(request + 1);
  packet.filter = reinterpret_cast<const sock_filter*>(packet.limits + request->limits);
  packet.groups = reinterpret_cast<const std::uint32_t*>(packet.filter + request->filter);
  packet.workdir = reinterpret_cast<const char*>(packet.groups + request->groups);
  return packet;
}

void reset_signals() {
  const unsigned long by_default[4] = {};  // the kernel's struct sigaction
  for (int number = 1; number <= 64; ++number) {
    system_call(__NR_rt_sigaction, number, address(&by_default[0]), 0, sizeof(unsigned long));
  }
  const unsigned long none = 0;
  system_call(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, address(&none), 0, sizeof none);
}

// The process inside is born in the container's cgroup, and a child of the agent, not of this one,
// which never is where the container could see it.
void enter_container(const Request& request) {
  constexpr int kOthers = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
  if (const long error = system_call(__NR_setns, kContainer, kOthers); error < 0) {
    give_up(Step::kNamespace, -error);
  }
  clone_args how{};
  how.flags = CLONE_PARENT;
  if ((request.flags & kJoinsCgroup) != 0) {
    how.flags |= CLONE_INTO_CGROUP;
    how.cgroup = kCgroup;
  }
  const long pid = system_call(__NR_clone3, address(&how), sizeof how);
  if (pid < 0) give_up(Step::kFork, -pid);
  if (pid > 0) {
    tell(Step::kForked, pid);
    leave(0);
  }
  close(kCgroup);
  // Last: in this one the kernel would not let it be born in a cgroup from outside.
  const long error = system_call(__NR_setns, kContainer, CLONE_NEWCGROUP);
  close(kContainer);
  tell(Step::kEntered, 0);
  if (error < 0) give_up(Step::kNamespace, -error);
}

void own_streams(const Request& request) {
  const bool terminal = (request.flags & kTerminal) != 0;
  const long uid = (request.flags & kCredentialsGiven) != 0 ? static_cast<long>(request.uid)
                                                            : system_call(__NR_geteuid);
  system_call(__NR_setsid);
  if (terminal) {
    const long error = system_call(__NR_ioctl, kStdin, TIOCSCTTY, 0);
    if (error < 0) give_up(Step::kStreams, -error);
  }
  for (int stream = kStdin; stream <= kStderr; ++stream) {
    struct stat status {};
    if (system_call(__NR_fstat, stream, address(&status)) < 0) continue;
    // So that /dev/stdout can be opened anew by a user who is not root.
    if (terminal || (status.st_mode & kTypeMask) != kCharacterDevice)
      system_call(__NR_fchown, stream, uid, -1);
  }
}

void go_to(const Packet& packet) {
  const char* workdir = packet.request->workdir > 1 ? packet.workdir : "/";
  const long error = system_call(__NR_chdir, address(workdir));
  if (error < 0) give_up(Step::kWorkdir, -error);
}

const char* value_of_path(char** environment) {
  const char* found =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:"
      "/usr/bin:/sbin:/bin";
  for (; *environment != nullptr; ++environment) {
    const char* entry = *environment;
    const bool path = entry[0] == 'P' && entry[1] == 'A' && entry[2] == 'T' && entry[3] == 'H';
    if (path && entry[4] == '=' && entry[5] != '\0') found = entry + 5;
  }
  return found;
}

// DIRECTORY/NAME into `into`; false when that is too long. The directory ends at a colon.
bool join(const char* directory, std::size_t size, const char* name, char* into) {
  const std::size_t rest = length(name) + 1;
  if (size + 1 + rest > kLongestPath) return false;
  for (std::size_t i = 0; i < size; ++i) into[i] = directory[i];
  into[size] = '/';
  for (std::size_t i = 0; i < rest; ++i) into[size + 1 + i] = name[i];
  return true;
}

bool has_slash(const char* name) {
  for (; *name != '\0'; ++name) {
    if (*name == '/') return true;
  }
  return false;
}

// As execvpe(3), but with the PATH that the program will see, and never a shell in between.
long execute(char** command, char** environment) {
  const auto run = [&](const char* program) {
    return -system_call(__NR_execve, address(program), address(command), address(environment));
  };
  if (has_slash(command[0])) return run(command[0]);
  static char program[kLongestPath];
  long worst = ENOENT;
  for (const char* left = value_of_path(environment);; ++left) {
    std::size_t size = 0;
    while (left[size] != ':' && left[size] != '\0') ++size;
    const long error =
        join(left, size, command[0], &program[0]) ? run(&program[0]) : long{ENAMETOOLONG};
    if (error != ENOENT && error != ENOTDIR) worst = error;
    left += size;
    if (*left == '\0') return worst;
  }
}

[[noreturn]] void enter(char** command, char** environment) {
  // First of all, while the container cannot see this process: exec has made it traceable.
  system_call(__NR_prctl, PR_SET_DUMPABLE, 0);
  // The program gets its three streams, and its start closes the link.
  system_call(__NR_fcntl, kLink, F_SETFD, FD_CLOEXEC);
  const Packet packet = receive();
  reset_signals();
  if ((packet.request->flags & kEntersContainer) != 0) enter_container(*packet.request);
  own_streams(*packet.request);
  go_to(packet);
  set_limits(packet);
  take_identity(packet);
  give_up(Step::kExec, execute(command, environment));
}

}  // namespace

void give_up(Step step, long error) {
  tell(step, error);
  leave(125);
}

}  // namespace fcvm::agent::enter

// As the kernel leaves the stack: the number of words, the words, null, the environment, null.
extern "C" [[noreturn]] void fc_enter_main(long* stack) {
  char** command = reinterpret_cast<char**>(stack + 1);
  fcvm::agent::enter::enter(command, command + stack[0] + 1);
}

#if defined(__x86_64__)
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call fc_enter_main\n");
#else
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x0, sp\n"
    "  bl fc_enter_main\n");
#endif
