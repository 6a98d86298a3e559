// See memory_guest.hpp.
#include "plugin-api/check/memory_guest.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::check {

namespace {

constexpr int kAnswerMs = 5000;

int new_userfaultfd() {
  constexpr unsigned long kNew = _IO(0xAA, 0x00);  // USERFAULTFD_IOC_NEW, of Linux 6.1
  const Fd device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
  const int fd = ::ioctl(device.get(), kNew, O_CLOEXEC | O_NONBLOCK);
  return fd >= 0 ? fd : static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
}

struct Command {
  char what;
  std::uint64_t number;
};

/// The process's side, in the clone's directory. It leaves only by _exit.
class Inside {
 public:
  Inside(int control, fcvm_memory_offer offer, std::uint64_t size)
      : control_(control), offer_(offer), size_(size) {}

  [[noreturn]] void run() {
    const bool ready = offer_.type == FCVM_MEMORY_FROM_FILE ? map_file() : take_from_server();
    const char answer = ready ? 'y' : 'n';
    if (::write(control_, &answer, 1) != 1 || !ready) ::_exit(1);
    for (Command command{}; ::read(control_, &command, sizeof command) == sizeof command;) {
      const char said = obey(command);
      if (::write(control_, &said, 1) != 1) break;
    }
    ::_exit(0);
  }

 private:
  bool map_file() {
    const int file = ::open(offer_.path, O_RDONLY | O_CLOEXEC);
    return map(MAP_PRIVATE | MAP_NORESERVE, file);
  }

  bool map(int flags, int file) {
    void* mapped = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, flags, file, 0);
    base_ = static_cast<char*>(mapped);
    return mapped != MAP_FAILED;
  }

  bool take_from_server() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = text_of(offer_.path);
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket, generic, sizeof address) != 0) return false;
    if (!map(MAP_PRIVATE | MAP_ANONYMOUS, -1)) return false;
    // Kept open, as the header wants it.
    const int faults = new_userfaultfd();
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_EVENT_REMOVE;
    uffdio_register range{};
    range.range = {reinterpret_cast<std::uintptr_t>(base_), size_};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    return ::ioctl(faults, UFFDIO_API, &api) == 0 &&
           ::ioctl(faults, UFFDIO_REGISTER, &range) == 0 && hand_over(socket, faults);
  }

  bool hand_over(int socket, int faults) const {
    char text[256];
    const int length = std::snprintf(
        text, sizeof text,
        R"([{"base_host_virt_addr":%llu,"size":%llu,"offset":0,"page_size":%llu,"unheard-of":[]}])",
        static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(base_)),
        static_cast<unsigned long long>(size_),
        static_cast<unsigned long long>(MemoryGuest::kPage));
    iovec bytes{text, static_cast<std::size_t>(length)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof faults)] = {};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof faults);
    std::memcpy(CMSG_DATA(header), &faults, sizeof faults);
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) == length;
  }

  char obey(const Command& command) const {
    char* const page = base_ + command.number * MemoryGuest::kPage;
    if (command.what == 'd')
      return ::madvise(page, MemoryGuest::kPage, MADV_DONTNEED) == 0 ? 'y' : 'n';
    const volatile char* const bytes = page;
    const char first = bytes[MemoryGuest::kPage / 2];  // a fault may be anywhere in its page
    for (std::uint64_t i = 0; i < MemoryGuest::kPage; ++i) {
      if (bytes[i] != first) return '?';
    }
    return first;
  }

  const int control_;
  const fcvm_memory_offer offer_;
  const std::uint64_t size_;
  char* base_ = nullptr;
};

}  // namespace

bool userfaultfd_opens() { return Fd(new_userfaultfd()).valid(); }

Result<MemoryGuest> MemoryGuest::start(int directory, const fcvm_memory_offer& offer,
                                       std::uint64_t memory_bytes) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno("making a pair of sockets");
  }
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const int pid = ::fork();
  if (pid < 0) return fail_errno("starting a stand-in for a VMM");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGBUS, SIG_DFL);  // whatever a sanitizer does with it
    if (::fchdir(directory) != 0) ::_exit(1);
    // It has no part in what the plugin has open.
    const int control = ::dup3(theirs.get(), 1000, O_CLOEXEC);
    ::close_range(3, 999, 0);
    ::close_range(1001, ~0U, 0);
    Inside(control, offer, memory_bytes).run();
  }
  MemoryGuest made(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), std::move(ours));
  pollfd ready{made.control_.get(), POLLIN, 0};
  char said = 0;
  if (::poll(&ready, 1, kAnswerMs) != 1 || ::read(made.control_.get(), &said, 1) != 1 ||
      said != 'y') {
    return fail(ENOTCONN, "a VMM could not take what was offered");
  }
  return made;
}

std::optional<char> MemoryGuest::page(std::uint64_t number, int timeout_ms) {
  return ask('r', number, timeout_ms);
}
void MemoryGuest::give_back(std::uint64_t number) { (void)ask('d', number, kAnswerMs); }

std::optional<char> MemoryGuest::ask(char what, std::uint64_t number, int timeout_ms) {
  const Command command{what, number};
  if (::send(control_.get(), &command, sizeof command, MSG_NOSIGNAL) < 0) return {};
  pollfd ready{control_.get(), POLLIN, 0};
  char said = 0;
  if (::poll(&ready, 1, timeout_ms) != 1 || ::read(control_.get(), &said, 1) != 1) return {};
  return said;
}

void MemoryGuest::end() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

}  // namespace fcvm::check
