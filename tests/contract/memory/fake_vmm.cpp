// See fake_vmm.hpp.
#include "tests/contract/memory/fake_vmm.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/support/must.hpp"

namespace fcvm::test {

namespace {

constexpr int kAnswerMs = 5000;
constexpr auto kEndLimit = std::chrono::seconds(5);

struct Command {
  char what;
  char letter;
  unsigned times;
  std::uint64_t offset;
};

/// The process's side. It only leaves by _exit.
class Inside {
 public:
  Inside(int control, int directory, std::string socket, std::uint64_t size, HandOver hand_over)
      : control_(control),
        directory_(directory),
        socket_(std::move(socket)),
        size_(size),
        hand_over_(std::move(hand_over)),
        page_(hand_over_.page_bytes) {}

  [[noreturn]] void run() {
    Command command{};
    while (::read(control_, &command, sizeof command) == sizeof command) {
      const char answer = obey(command);
      if (::write(control_, &answer, 1) != 1) break;
    }
    ::_exit(0);
  }

 private:
  char obey(const Command& command) {
    switch (command.what) {
      case 'c':
        return connect() ? 'y' : 'n';
      case 'r':
        return read(command.offset);
      case 'w':
        std::memset(at(command.offset), command.letter, kPage);
        return 'y';
      case 's':
        return churn(command) ? 'y' : 'n';
      case 'a':
        return ::madvise(at(command.offset), page_, MADV_DONTDUMP) == 0 ? 'y' : 'n';
      case 'b':
        return ::fcntl(uffd_, F_SETFL, 0) == 0 ? 'y' : 'n';
      case 'f':
        if (::fork() == 0) ::_exit(0);
        return 'y';
      case 'h':
        return present(at(command.offset)) ? 'y' : 'n';
      default:
        return ::madvise(at(command.offset), page_, MADV_DONTNEED) == 0 ? 'y' : 'n';
    }
  }

  /// The two halves lie in memory the other way round than in the file.
  [[nodiscard]] char* at(std::uint64_t offset) const {
    return base_ + (offset + size_ / 2) % size_;
  }

  /// Touches the very byte first, since a fault may be anywhere in its page.
  [[nodiscard]] char read(std::uint64_t offset) const {
    (void)*const_cast<volatile char*>(at(offset));
    const char* page = at(offset / kPage * kPage);
    std::array<char, kPage> copy;
    std::memcpy(copy.data(), page, kPage);
    for (const char byte : copy) {
      if (byte != copy[0]) return 'X';
    }
    return copy[0];
  }

  static bool present(char* page) {
    unsigned char in = 0;
    return ::mincore(page, kPage, &in) == 0 && (in & 1) != 0;
  }

  /// One thread gives back, the other touches.
  bool churn(const Command& command) {
    char* const page = at(command.offset);
    std::atomic<bool> stop{false};
    std::atomic<bool> right{true};
    std::thread toucher([&] {
      while (!stop) {
        const char byte = *const_cast<volatile char*>(page);
        if (byte != command.letter && byte != 0) right = false;
      }
    });
    for (unsigned i = 0; i < command.times; ++i) {
      if (::madvise(page, page_, MADV_DONTNEED) != 0) right = false;
      if (*const_cast<volatile char*>(page) != 0) right = false;
    }
    stop = true;
    toucher.join();
    return right;
  }

  bool connect() {
    struct stat source {};
    const bool file =
        ::fstatat(directory_, socket_.c_str(), &source, 0) == 0 && S_ISREG(source.st_mode);
    return file ? map_file() : take_from_server();
  }

  bool map_file() {
    const int file = ::openat(directory_, socket_.c_str(), O_RDONLY | O_CLOEXEC);
    void* mapped = ::mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (file < 0 || mapped == MAP_FAILED) return false;
    base_ = static_cast<char*>(mapped);
    const auto map_half = [&](std::uint64_t offset) {
      return ::mmap(at(offset), size_ / 2, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, file,
                    static_cast<off_t>(offset)) != MAP_FAILED;
    };
    return map_half(0) && map_half(size_ / 2);
  }

  bool take_from_server() {
    auto connection = base::connect_unix_at(directory_, socket_);
    const int huge = page_ == kPage ? 0 : MAP_HUGETLB;
    void* mapped =
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | huge, -1, 0);
    if (!connection || mapped == MAP_FAILED) return false;
    base_ = static_cast<char*>(mapped);
    // Kept open, as the header wants it.
    uffd_ = static_cast<int>(
        ::syscall(SYS_userfaultfd, O_CLOEXEC | (hand_over_.blocks ? 0 : O_NONBLOCK)));
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_EVENT_REMOVE | hand_over_.features;
    uffdio_register range{};
    range.range = {reinterpret_cast<std::uintptr_t>(base_), size_};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (::ioctl(uffd_, UFFDIO_API, &api) != 0 || ::ioctl(uffd_, UFFDIO_REGISTER, &range) != 0) {
      return false;
    }
    if (hand_over_.silent) return ::dup(connection->get()) >= 0;
    const std::string json = hand_over_.json.empty() ? regions() : hand_over_.json;
    const int other = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const auto fds = std::span(hand_over_.of_eventfd ? &other : &uffd_, hand_over_.with_fd ? 1 : 0);
    return base::send_fds(connection->get(), json, fds).has_value();
  }

  [[nodiscard]] std::string regions() const {
    return "[" + region(0, "page_size") + "," + region(size_ / 2, "page_size_kib") + "]";
  }
  [[nodiscard]] std::string region(std::uint64_t offset, const char* page_key) const {
    return R"({"base_host_virt_addr":)" +
           std::to_string(reinterpret_cast<std::uintptr_t>(at(offset))) + R"(,"size":)" +
           std::to_string(size_ / 2) + R"(,"offset":)" + std::to_string(offset) + R"(,")" +
           page_key + R"(":)" + std::to_string(page_) + R"(,"unheard-of":{}})";
  }

  const int control_;
  const int directory_;
  const std::string socket_;
  const std::uint64_t size_;
  const HandOver hand_over_;
  const std::uint64_t page_;
  char* base_ = nullptr;
  int uffd_ = -1;
};

}  // namespace

FakeVmm::FakeVmm(int directory, const std::string& socket, std::uint64_t memory_bytes,
                 const HandOver& hand_over) {
  auto pair = must(base::SocketPair::create());
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It has no part in what the server and the test have open.
    const int control = ::dup3(pair.second.get(), 1000, O_CLOEXEC);
    const int home = ::dup3(directory, 1001, O_CLOEXEC);
    ::close_range(3, 999, 0);
    ::close_range(1002, ~0U, 0);
    Inside(control, home, socket, memory_bytes, hand_over).run();
  }
  child_.emplace(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  control_ = std::move(pair.first);
}

bool FakeVmm::connect() { return ask('c', 0) == 'y'; }
std::optional<char> FakeVmm::page(std::uint64_t offset) { return ask('r', offset); }
void FakeVmm::touch(std::uint64_t offset) { send('r', offset); }
bool FakeVmm::has(std::uint64_t offset) { return ask('h', offset) == 'y'; }
void FakeVmm::give_back(std::uint64_t offset) { REQUIRE(ask('d', offset) == 'y'); }

void FakeVmm::write(std::uint64_t offset, char letter) { REQUIRE(ask('w', offset, letter) == 'y'); }

bool FakeVmm::churn(std::uint64_t offset, char letter, unsigned times) {
  return ask('s', offset, letter, times) == 'y';
}
void FakeVmm::set_apart(std::uint64_t offset) { REQUIRE(ask('a', offset) == 'y'); }
void FakeVmm::block() { REQUIRE(ask('b', 0) == 'y'); }
void FakeVmm::fork() { send('f', 0); }

std::optional<char> FakeVmm::ask(char what, std::uint64_t offset, char letter, unsigned times) {
  send(what, offset, letter, times);
  return answer(kAnswerMs);
}

void FakeVmm::send(char what, std::uint64_t offset, char letter, unsigned times) {
  const Command command{what, letter, times, offset};
  (void)::send(control_.get(), &command, sizeof command, MSG_NOSIGNAL);
}

std::optional<char> FakeVmm::answer(int timeout_ms) {
  pollfd ready{control_.get(), POLLIN, 0};
  char said = 0;
  if (::poll(&ready, 1, timeout_ms) != 1 || ::read(control_.get(), &said, 1) != 1) return {};
  return said;
}

int FakeVmm::ended_by() {
  const auto status = must(child_->try_wait());
  return status ? status->signal().value_or(-1) : 0;
}

void FakeVmm::kill() {
  (void)child_->signal(SIGKILL);
  (void)must(child_->wait(base::Deadline::in(kEndLimit)));
}

}  // namespace fcvm::test
