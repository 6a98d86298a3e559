// See clone_server.hpp.
#include "tests/contract/memory/clone_server.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"

namespace fcvm::test {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kLongestHandOver = 4096;
constexpr int kRetryMs = 1;
constexpr int kVmmEndMs = 5000;

}  // namespace

void CloneServer::end() {
  if (stop_.exchange(true) && !thread_.joinable()) return;
  end_vmm();
  if (wake_) ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(pages_);
    faults_fd_.reset();
  }
  if (home_) ::unlinkat(home_.get(), kSocket, 0);  // the directory may be gone already
}

Result<void> CloneServer::listen(const fcvm_memory_clone& clone) {
  record_ = (clone.flags & FCVM_CLONE_RECORD) != 0;
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  settled_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_ || !settled_) return fail_errno("making an eventfd");
  listener_ = FCVM_TRY(base::listen_unix_at(clone.directory_fd, kSocket));
  home_ = Fd(::openat(clone.directory_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!home_) return fail_errno("opening the clone's directory");
  thread_ = std::thread([this] { run(); });
  return {};
}

Result<void> CloneServer::started(int pidfd) {
  const std::lock_guard lock(mutex_);
  if (broken_) return unexpected(*broken_);
  vmm_ = pidfd;
  ::eventfd_write(wake_.get(), 1);
  return {};
}

Result<void> CloneServer::health() {
  const std::lock_guard lock(mutex_);
  if (told_) return unexpected(*broken_);
  return {};
}

Result<std::vector<std::uint64_t>> CloneServer::used() {
  const std::lock_guard lock(pages_);
  if (!record_) return fail(EINVAL, "what the clone uses is not recorded");
  return std::vector(used_.begin(), used_.end());
}

void CloneServer::add_figures(fcvm_memory_figures& sum, std::vector<std::uint64_t>& times) {
  const std::lock_guard lock(mutex_);
  ++sum.clones;
  sum.faults += figures_.faults;
  sum.bytes_copied += figures_.bytes_copied;
  sum.bytes_prefetched += figures_.bytes_prefetched;
  times.insert(times.end(), times_.begin(), times_.end());
}

// --- in the clone's thread
// ------------------------------------------------------------------------

void CloneServer::run() {
  Result<void> done = take_hand_over();
  if (done) {
    ::eventfd_write(settled_.get(), 1);
    done = serve();
  }
  if (!done) break_off(done.error());
  ::eventfd_write(settled_.get(), 1);
}

/// Waits for `fd` at most so long; false when it is not ready, but the wait is to be gone on with.
bool CloneServer::wait_for(int fd, int timeout_ms) {
  int vmm = -1;
  {
    const std::lock_guard lock(mutex_);
    if (!vmm_ended_) vmm = vmm_;
  }
  std::array<pollfd, 3> fds{{{fd, POLLIN, 0}, {wake_.get(), POLLIN, 0}, {vmm, POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return false;
  if (fds[1].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
  }
  if (fds[2].revents != 0) {
    const std::lock_guard lock(mutex_);
    vmm_ended_ = true;
    stop_ = true;
  }
  return fds[0].revents != 0;
}

Result<void> CloneServer::take_hand_over() {
  Fd connection;
  while (!stop_ && !connection) {
    if (wait_for(listener_.get(), -1)) {
      connection = FCVM_TRY(base::accept_connection(listener_.get()));
    }
  }
  listener_.reset();
  while (!stop_ && !wait_for(connection.get(), -1)) {
  }
  if (stop_) return {};
  auto message = FCVM_TRY(base::receive_fds(connection.get(), kLongestHandOver, 1));
  if (message.fds.size() != 1) return fail(EPROTO, "the VMM handed over no userfaultfd");
  const int flags = ::fcntl(message.fds.front().get(), F_GETFL);
  if (flags < 0 || (flags & O_NONBLOCK) == 0) {
    return fail(EPROTO, "the VMM handed over a userfaultfd that blocks");
  }
  FCVM_TRY(take_regions(message.bytes));
  const std::lock_guard lock(pages_);
  faults_fd_ = std::move(message.fds.front());
  return {};
}

Result<void> CloneServer::take_regions(const std::string& text) {
  const auto list = nlohmann::json::parse(text, nullptr, false);
  if (!list.is_array() || list.empty()) return fail(EPROTO, "the VMM handed over no regions");
  std::vector<Region> regions;
  for (const auto& item : list) {
    const auto number = [&](const char* key) -> Result<std::uint64_t> {
      const auto found = item.is_object() ? item.find(key) : item.end();
      if (found != item.end() && found->is_number_unsigned()) return found->get<std::uint64_t>();
      return fail(EPROTO, std::string("the VMM handed over a region without ") + key);
    };
    Region region{};
    region.base = FCVM_TRY(number("base_host_virt_addr"));
    region.size = FCVM_TRY(number("size"));
    region.offset = FCVM_TRY(number("offset"));
    const std::uint64_t page =
        FCVM_TRY(number(item.contains("page_size") ? "page_size" : "page_size_kib"));
    const bool whole = region.base % kPage == 0 && region.size % kPage == 0 &&
                       region.offset % kPage == 0 && page == kPage;
    if (!whole || region.size > layers_.size() || region.offset > layers_.size() - region.size) {
      return fail(EPROTO, "the VMM handed over a region that its memory does not have");
    }
    regions.push_back(region);
  }
  const std::lock_guard lock(pages_);
  regions_ = std::move(regions);
  return {};
}

/// Once the VMM has ended, nobody is left to be served.
Result<void> CloneServer::serve() {
  bool late = false;
  while (!stop_) {
    if (!wait_for(faults_fd_.get(), late ? kRetryMs : -1) && !late) continue;
    const std::lock_guard lock(pages_);
    // All events come first: they may take away the page of a fault.
    FCVM_TRY(read_events());
    late = false;
    for (std::deque<Fault> waiting = std::exchange(faults_, {}); const Fault& fault : waiting) {
      const Given given = FCVM_TRY(give(fault.address));
      if (given == Given::kLater) faults_.push_back(fault);
      if (given == Given::kLater) late = true;
      if (given != Given::kNow) continue;
      const std::lock_guard quick(mutex_);
      ++figures_.faults;
      times_.push_back(static_cast<std::uint64_t>(monotonic_now() - fault.since));
    }
  }
  return {};
}

Result<void> CloneServer::read_events() {
  std::array<uffd_msg, 16> messages;
  for (;;) {
    const ssize_t count = ::read(faults_fd_.get(), messages.data(), sizeof messages);
    if (count < 0 && errno == EAGAIN) return {};
    if (count < 0) return fail_errno("reading the VMM's page faults");
    if (count == 0) return fail(EPROTO, "what the VMM handed over is no userfaultfd");
    const auto number = static_cast<std::size_t>(count) / sizeof(uffd_msg);
    for (std::size_t i = 0; i < number; ++i) {
      const uffd_msg& message = messages[i];
      if (message.event == UFFD_EVENT_PAGEFAULT) {
        faults_.push_back({message.arg.pagefault.address / kPage * kPage, monotonic_now()});
      } else if (message.event == UFFD_EVENT_REMOVE) {
        removed_.push_back(
            {message.arg.remove.start, message.arg.remove.end - message.arg.remove.start, 0});
      } else {
        return fail(EPROTO, "the VMM's userfaultfd reports what was not agreed on");
      }
    }
  }
}

/// With pages_ held: an event that is being read cannot take the page away meanwhile.
Result<CloneServer::Given> CloneServer::give(std::uint64_t address) {
  const std::uint64_t offset = FCVM_TRY(offset_of(address));
  std::array<char, kPage> page;
  bool has = false;
  if (!removed(address)) has = FCVM_TRY(layers_.read(offset, page));
  int code = 0;
  if (has) {
    uffdio_copy copy{};
    copy.dst = address;
    copy.src = reinterpret_cast<std::uintptr_t>(page.data());
    copy.len = kPage;
    if (::ioctl(faults_fd_.get(), UFFDIO_COPY, &copy) != 0) code = errno;
  } else {
    uffdio_zeropage zero{};
    zero.range = {address, kPage};
    if (::ioctl(faults_fd_.get(), UFFDIO_ZEROPAGE, &zero) != 0) code = errno;
  }
  if (code == EAGAIN) return Given::kLater;
  if (code == ESRCH) return Given::kBefore;  // by the VMM's end, which its pidfd will tell
  if (code == EEXIST) {
    uffdio_range range{address, kPage};
    if (::ioctl(faults_fd_.get(), UFFDIO_WAKE, &range) != 0) return fail_errno("waking the VMM");
    return Given::kBefore;
  }
  if (code != 0) return fail(code, std::string("giving the VMM a page: ") + std::strerror(code));
  used_.insert(offset);
  const std::lock_guard quick(mutex_);
  if (has) figures_.bytes_copied += kPage;
  return Given::kNow;
}

Result<std::uint64_t> CloneServer::offset_of(std::uint64_t address) const {
  for (const Region& region : regions_) {
    if (address >= region.base && address - region.base < region.size) {
      return region.offset + (address - region.base);
    }
  }
  return fail(EPROTO, "the VMM misses a page that is in none of its regions");
}

Result<std::uint64_t> CloneServer::address_of(std::uint64_t offset) const {
  for (const Region& region : regions_) {
    if (offset >= region.offset && offset - region.offset < region.size) {
      return region.base + (offset - region.offset);
    }
  }
  return fail(EPROTO, "the VMM has no region with a page of the working set");
}

bool CloneServer::removed(std::uint64_t address) const {
  return std::any_of(removed_.begin(), removed_.end(), [&](const Region& gone) {
    return address >= gone.base && address - gone.base < gone.size;
  });
}

/// The fault stays unanswered. Who hears of it finds the VMM ended, if it was lent.
void CloneServer::break_off(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    broken_ = error;
  }
  end_vmm();
  const std::lock_guard lock(mutex_);
  told_ = true;
  ::eventfd_write(broke_, 1);
}

void CloneServer::end_vmm() {
  pollfd ended{-1, POLLIN, 0};
  {
    const std::lock_guard lock(mutex_);
    ended.fd = vmm_;
  }
  if (ended.fd < 0) return;
  ::syscall(SYS_pidfd_send_signal, ended.fd, SIGKILL, nullptr, 0);
  ::poll(&ended, 1, kVmmEndMs);
}

// --- in a thread of the host
// ----------------------------------------------------------------------

Result<void> CloneServer::may_be_served() {
  const std::lock_guard lock(mutex_);
  if (broken_) return unexpected(*broken_);
  if (vmm_ended_ || !faults_fd_) return fail(ESRCH, "the clone's VMM has ended");
  return {};
}

Result<void> CloneServer::prefetch(const std::vector<std::uint64_t>& offsets, const Call& call) {
  FCVM_TRY(call.wait(settled_.get(), POLLIN) | context("waiting for the VMM's hand-over"));
  for (std::size_t next = 0; next < offsets.size();) {
    FCVM_TRY(call.check());
    Given given = Given::kLater;
    {
      const std::lock_guard lock(pages_);
      FCVM_TRY(may_be_served());
      const std::uint64_t address = FCVM_TRY(address_of(offsets[next]));
      // What the VM gave back since is none of its working set.
      given = removed(address) ? Given::kBefore : FCVM_TRY(give(address));
      const std::lock_guard quick(mutex_);
      if (given == Given::kNow) figures_.bytes_prefetched += kPage;
    }
    if (given == Given::kLater) {
      FCVM_TRY(call.sleep(std::chrono::milliseconds(kRetryMs)));  // the thread reads the event
    } else {
      ++next;
    }
  }
  return {};
}

}  // namespace fcvm::test
