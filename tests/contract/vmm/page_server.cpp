// See page_server.hpp.
#include "tests/contract/vmm/page_server.hpp"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <set>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"

namespace fcvm::test {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kLongestMessage = 4096;

constexpr int kRetryMs = 1;

/// False when it was told to stop.
bool wait_for(int fd, int stop, int timeout_ms = -1) {
  pollfd fds[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  while (::poll(fds, 2, timeout_ms) < 0 && errno == EINTR) {
  }
  return fds[1].revents == 0;
}

}  // namespace

fcvm::Result<std::unique_ptr<PageServer>> PageServer::open(int directory, const std::string& name,
                                                           const std::string& memory) {
  std::unique_ptr<PageServer> made(new PageServer);
  made->memory_ = FCVM_TRY(fcvm::base::open_file(memory, O_RDONLY));
  made->listener_ = FCVM_TRY(fcvm::base::listen_unix_at(directory, name));
  made->stop_ = fcvm::Fd(::eventfd(0, EFD_CLOEXEC));
  made->thread_ = std::thread([server = made.get()] { server->run(); });
  return made;
}

PageServer::~PageServer() {
  if (!thread_.joinable()) return;
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void PageServer::run() {
  if (!wait_for(listener_.get(), stop_.get())) return;
  const auto client = fcvm::base::accept_connection(listener_.get());
  if (!client || !wait_for(client->get(), stop_.get())) return;
  const auto message = fcvm::base::receive_fds(client->get(), kLongestMessage, 1);
  std::uint64_t base = 0;
  if (!message || message->fds.size() != 1 ||
      std::sscanf(message->bytes.c_str(), "[{\"base_host_virt_addr\":%" SCNu64, &base) != 1) {
    std::fprintf(stderr, "page server: no hand-over came to the page server\n");
    return;
  }
  serve(message->fds.front().get(), base);
}

/// A page cannot be given while the VM takes others away for its balloon (EAGAIN): that ends when
/// the event which tells of it was read, so the page waits meanwhile.
void PageServer::serve(int faults, std::uint64_t base) {
  std::set<std::uint64_t> wanted;
  while (wait_for(faults, stop_.get(), wanted.empty() ? -1 : kRetryMs)) {
    uffd_msg message{};
    const ssize_t count = ::read(faults, &message, sizeof message);
    if (count != sizeof message && (count >= 0 || errno != EAGAIN)) return;
    if (count > 0 && message.event == UFFD_EVENT_PAGEFAULT) {
      wanted.insert(message.arg.pagefault.address & ~(kPage - 1));
    }
    std::erase_if(wanted, [&](std::uint64_t address) { return give(faults, base, address); });
  }
}

/// False when it has to be tried again.
bool PageServer::give(int faults, std::uint64_t base, std::uint64_t address) {
  char page[kPage];
  if (::pread(memory_.get(), page, kPage, static_cast<off_t>(address - base)) !=
      static_cast<ssize_t>(kPage)) {
    std::fprintf(stderr, "page server: the memory file has no page at %" PRIu64 "\n",
                 address - base);
    return true;
  }
  uffdio_copy copy{};
  copy.dst = address;
  copy.src = reinterpret_cast<std::uintptr_t>(page);
  copy.len = kPage;
  if (::ioctl(faults, UFFDIO_COPY, &copy) == 0) {
    ++pages_;
    return true;
  }
  if (errno == EAGAIN) return false;
  // Another CPU of the VM had asked for the page before.
  uffdio_range range{address, kPage};
  (void)::ioctl(faults, UFFDIO_WAKE, &range);
  return true;
}

}  // namespace fcvm::test
