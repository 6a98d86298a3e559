// A terminal for a command in a container whose /dev/pts/ptmx is of its own choosing: a process
// that has changed its root stands for the container.
#include <csignal>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/process/process.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::agent {
namespace {

class FakeContainer {
 public:
  FakeContainer() : root_(*base::TempDir::create()) {
    REQUIRE(base::make_directories(root_.path() + "/dev/pts"));
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (::chroot(root_.path().c_str()) != 0) ::_exit(1);
    for (;;) ::pause();
  }
  ~FakeContainer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] std::string ptmx() const { return root_.path() + "/dev/pts/ptmx"; }
  /// Whether it is chrooted by now.
  [[nodiscard]] bool ready() const {
    char target[4096];
    const std::string link = "/proc/" + std::to_string(pid_) + "/root";
    const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
    return size > 1;
  }
  [[nodiscard]] Result<Launch> make_terminal() const {
    for (int i = 0; i < 1000 && !ready(); ++i) ::usleep(2000);
    ProcessOptions options;
    options.command = {"true"};
    options.tty = true;
    options.container = pid_;
    return launch_process(options);
  }

 private:
  base::TempDir root_;
  pid_t pid_ = -1;
};

void refused(const Result<Launch>& launched) {
  REQUIRE_FALSE(launched);
  CHECK(exit_code_of(launched.error()) != 0);
  CHECK(launched.error().message().find("ptmx") != std::string::npos);
}

TEST_CASE("a container's terminal is made by its own ptmx, never by the guest's") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  const FakeContainer container;
  REQUIRE(::symlink("/dev/pts/ptmx", container.ptmx().c_str()) == 0);  // of the guest's root
  refused(container.make_terminal());
}

TEST_CASE("what is not a ptmx is not even opened") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  const FakeContainer container;
  REQUIRE(::mkfifo(container.ptmx().c_str(), 0666) == 0);
  refused(container.make_terminal());
}

TEST_CASE("a device with ptmx's number outside of devpts is refused") {
  FCVM_SKIP_IF(::geteuid() != 0, "needs root");
  const FakeContainer container;
  FCVM_SKIP_IF(::mknod(container.ptmx().c_str(), S_IFCHR | 0666, makedev(5, 2)) != 0,
               "makes a device");
  refused(container.make_terminal());
}

}  // namespace
}  // namespace fcvm::agent
