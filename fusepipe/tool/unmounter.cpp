// See unmounter.hpp.
#include "fusepipe/tool/unmounter.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/pipe.hpp"

namespace fcvm::fusepipe {

namespace {

constexpr char kArmed = 'a';
constexpr char kDone = 'd';

[[noreturn]] void wait_and_unmount(int pipe, const char* mountpoint) {
  // A terminal's signals are for the mount's maker, and no one waits for our output.
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
  bool armed = false;
  char word = 0;
  for (;;) {
    const ssize_t got = ::read(pipe, &word, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    if (word == kDone) ::_exit(0);
    armed = word == kArmed;
  }
  if (armed) ::umount2(mountpoint, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
  ::_exit(0);
}

}  // namespace

Result<Unmounter> Unmounter::start(const std::string& mountpoint) {
  char resolved[PATH_MAX];
  if (::realpath(mountpoint.c_str(), resolved) == nullptr) {
    return fail_errno("mounting at " + mountpoint, "make the directory first: mkdir " + mountpoint);
  }
  auto pipe = FCVM_TRY(base::Pipe::create());
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("starting the process that unmounts after a crash");
  if (pid == 0) {
    pipe.write_end.reset();
    wait_and_unmount(pipe.read_end.get(), resolved);
  }
  return Unmounter(std::move(pipe.write_end), pid);
}

void Unmounter::arm() { (void)!::write(pipe_.get(), &kArmed, 1); }

Unmounter::~Unmounter() {
  if (!pipe_) return;
  (void)!::write(pipe_.get(), &kDone, 1);
  pipe_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace fcvm::fusepipe
