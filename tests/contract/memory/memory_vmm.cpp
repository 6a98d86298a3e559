// memory_vmm SOCKET BYTES PAGE-BYTES FEATURES FLAGS JSON: takes its memory from a page server as a
// VMM does, and does to it what it is told. A program of its own: a process that is forked from one
// with threads may wait for ever for a lock that one of them held.
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/contract/memory/fake_vmm.hpp"
#include "tests/contract/memory/fake_vmm_command.hpp"

namespace fcvm::test {

namespace {

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

}  // namespace fcvm::test

int main(int argc, char** argv) {
  using namespace fcvm::test;
  if (argc != 7) return 125;
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const std::string_view flags = argv[5];
  const auto has = [&](char flag) { return flags.find(flag) != flags.npos; };
  HandOver hand_over;
  hand_over.page_bytes = number(3);
  hand_over.features = number(4);
  hand_over.with_fd = !has('n');
  hand_over.blocks = has('b');
  hand_over.of_eventfd = has('e');
  hand_over.silent = has('s');
  hand_over.json = argv[6];
  Inside(kControlFd, kHomeFd, argv[1], number(2), hand_over).run();
}
