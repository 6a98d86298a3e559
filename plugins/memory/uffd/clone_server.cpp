// See clone_server.hpp.
#include "plugins/memory/uffd/clone_server.hpp"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/unix_socket.hpp"
#include "plugins/memory/common/pidfd.hpp"

namespace fcvm::memory {

namespace {

constexpr int kRetryMs = 1;
constexpr int kVmmEndMs = 5000;
/// For a thread that a VMM which means harm has brought to a halt in the kernel.
constexpr auto kThreadEndLimit = std::chrono::seconds(2);

Result<Fd> new_eventfd() {
  Fd made(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!made) return fail_errno("making an eventfd");
  return made;
}

Unexpected vmm_has_ended() { return fail(ESRCH, "the clone's VMM has ended"); }

Result<ucred> peer_of(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) return peer;
  return fail_errno("asking who connected");
}

}  // namespace

void ServerFigures::add(const ServerFigures& other) {
  faults += other.faults;
  bytes_copied += other.bytes_copied;
  bytes_prefetched += other.bytes_prefetched;
  times.add(other.times);
}

Result<void> CloneServer::listen(int directory) {
  wake_ = FCVM_TRY(new_eventfd());
  home_ = FCVM_TRY(base::open_at(directory, ".", O_PATH | O_DIRECTORY) |
                   context("opening the clone's directory"));
  listener_ = FCVM_TRY(base::listen_unix_at(directory, kSocket, 0600, SOCK_STREAM | SOCK_NONBLOCK));
  if (record_) used_ = PageSet(served_->source.pages());
  try {
    // It keeps this alive: end() may have to leave it behind.
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  } catch (const std::system_error& error) {
    ::unlinkat(home_.get(), kSocket, 0);
    return fail(error.code().value(),
                std::string("starting a thread for the clone: ") + error.what());
  }
  return {};
}

bool CloneServer::end() {
  if (stop_.exchange(true) && !thread_.joinable()) return true;
  end_vmm();
  if (home_) ::unlinkat(home_.get(), kSocket, 0);  // the directory may be gone already
  if (!thread_.joinable()) return true;
  ::eventfd_write(wake_.get(), 1);
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, kThreadEndLimit, [this] { return stage_ == Stage::kEnded; })) {
    lock.unlock();
    thread_.join();
    memory_.reset();
    return true;
  }
  thread_.detach();
  vmm_ = -1;
  return false;
}

Result<void> CloneServer::started(int pidfd) {
  const auto process = pid_of(pidfd);  // or it has ended, as the thread will see
  const std::lock_guard lock(mutex_);
  if (broken_) return unexpected(*broken_);
  if (peer_ && process && *peer_ != *process) {
    broken_ = Error(EPERM, "the memory was handed over by process " + std::to_string(*peer_) +
                               ", and the clone's VMM is process " + std::to_string(*process));
    told_ = true;
    stop_ = true;
    ::eventfd_write(served_->broke.get(), 1);
  } else {
    vmm_ = pidfd;
  }
  ::eventfd_write(wake_.get(), 1);
  if (broken_) return unexpected(*broken_);
  return {};
}

Result<void> CloneServer::health() {
  const std::lock_guard lock(mutex_);
  if (told_) return unexpected(*broken_);
  return {};
}

Result<PageSet> CloneServer::used() {
  const std::lock_guard lock(mutex_);
  if (!record_) return fail(EINVAL, "what the clone uses is not recorded");
  return used_;
}

ServerFigures CloneServer::figures() {
  const std::lock_guard lock(mutex_);
  return figures_;
}

/// While the VMM has not handed its memory over, the wish waits with the thread.
Result<void> CloneServer::prefetch(const Call& call) {
  Fd told = FCVM_TRY(new_eventfd());
  const int fd = told.get();
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return unexpected(*broken_);
    if (stage_ == Stage::kEnded) return vmm_has_ended();
    if (prefetch_) return fail(EBUSY, "the clone's working set is being brought in already");
    prefetch_.emplace(Prefetch{std::move(told)});
  }
  ::eventfd_write(wake_.get(), 1);
  auto waited = call.wait(fd, POLLIN);
  const std::lock_guard lock(mutex_);
  const Prefetch ended = *std::exchange(prefetch_, std::nullopt);
  if (ended.error) return unexpected(*ended.error);
  if (ended.done) return {};
  return std::move(waited) | context(stage_ == Stage::kListening ? "waiting for the VMM's hand-over"
                                                                 : "bringing the working set in");
}

// --- in the clone's thread -----------------------------------------------------------------------

void CloneServer::run() {
  const Result<void> done = take_and_serve();
  if (!done) break_off(done.error());
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kEnded;  // no prefetch is taken any more
  }
  end_prefetch(done ? vmm_has_ended().error() : done.error());
  ended_.notify_all();
}

Result<void> CloneServer::take_and_serve() {
  if (!FCVM_TRY(take_hand_over())) return {};
  return serve();
}

/// What there is of `fd`, once there is something, or something else to be looked at, or -1: never.
short CloneServer::wait_for(int fd, int timeout_ms) {
  int vmm = -1;
  {
    const std::lock_guard lock(mutex_);
    vmm = vmm_;
  }
  std::array<pollfd, 3> fds{{{fd, POLLIN, 0}, {wake_.get(), POLLIN, 0}, {vmm, POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return 0;
  if (fds[1].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
  }
  // Then nobody is left to be served.
  if (fds[2].revents != 0) stop_ = true;
  return fds[0].revents;
}

/// False when there will be none.
Result<bool> CloneServer::take_hand_over() {
  const Fd connection = FCVM_TRY(accept_vmm());
  const auto deadline = base::Deadline::in(served_->hand_over_timeout);
  while (!stop_ && wait_for(connection.get(), deadline.as_poll_ms()) == 0) {
    if (deadline.expired()) return fail(EPROTO, "the VMM connected, and handed nothing over");
  }
  if (stop_) return false;
  const PageSource& source = served_->source;
  HandOver taken = FCVM_TRY(receive_hand_over(
      connection.get(), source.pages() * source.page_bytes(), source.page_bytes()));
  const ucred peer = FCVM_TRY(peer_of(connection.get()));
  const std::lock_guard lock(mutex_);
  // It may have been lent since the connection was accepted.
  if (!may_be_vmm(peer)) return fail(EPERM, "another process than the VMM handed memory over");
  peer_ = peer.pid;
  // A clone that is recorded is given what it misses and nothing else: that is what is recorded.
  memory_.emplace(source, std::move(taken), record_ ? 0 : served_->piece_bytes);
  stage_ = Stage::kServing;
  return true;
}

/// The first that may be the VMM; empty when there will be none.
Result<Fd> CloneServer::accept_vmm() {
  while (!stop_) {
    if (wait_for(listener_.get(), -1) == 0) continue;
    auto connection = base::accept_connection(listener_.get());
    if (!connection && connection.error().code() == EAGAIN) continue;
    if (!connection) return unexpected(std::move(connection).error());
    const ucred peer = FCVM_TRY(peer_of(connection->get()));
    const std::lock_guard lock(mutex_);
    if (!may_be_vmm(peer)) continue;
    listener_.reset();
    return std::move(*connection);
  }
  return Fd();
}

/// With mutex_ held. The socket belongs to the VMM's user, where that is another than the server's.
bool CloneServer::may_be_vmm(const ucred& peer) const {
  struct stat socket {};
  const bool known = ::fstatat(home_.get(), kSocket, &socket, AT_SYMLINK_NOFOLLOW) == 0;
  if (peer.uid != ::geteuid() && !(known && peer.uid == socket.st_uid)) return false;
  if (vmm_ < 0) return true;
  const auto process = pid_of(vmm_);
  return process && *process == peer.pid;
}

Result<void> CloneServer::serve() {
  std::vector<Fault> missed;
  while (!stop_) {
    // All events come first: they may take away the page of a fault.
    FCVM_TRY(memory_->read_events(missed));
    note_used(missed);
    if (!missed.empty()) {
      if (!FCVM_TRY(answer(missed))) wait_for(memory_->fd(), kRetryMs);
      continue;
    }
    // Nobody waits: that is the time for what nobody missed yet.
    if (FCVM_TRY(prefetch_some())) continue;
    if ((wait_for(memory_->fd(), -1) & POLLERR) != 0) {
      return fail(EPROTO, "the VMM made its userfaultfd block");
    }
  }
  return {};
}

/// False when some of them have to wait for events.
Result<bool> CloneServer::answer(std::vector<Fault>& missed) {
  std::vector<Fault> later;
  for (const Fault& fault : missed) {
    CloneMemory::Tally tally;
    const Given given = FCVM_TRY(memory_->answer(fault.page, tally));
    if (given == Given::kNobody) stop_ = true;
    if (given == Given::kLater) later.push_back(fault);
    const std::lock_guard lock(mutex_);
    figures_.bytes_copied += tally.bytes_copied;
    if (given != Given::kNow) continue;
    ++figures_.faults;
    figures_.times.add(static_cast<std::uint64_t>(monotonic_now() - fault.since));
  }
  missed = std::move(later);
  return missed.empty();
}

/// False when there is nothing to be brought in.
Result<bool> CloneServer::prefetch_some() {
  std::uint64_t cursor = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!prefetch_ || prefetch_->done || prefetch_->error) return false;
    cursor = prefetch_->cursor;
  }
  CloneMemory::Tally tally;
  const auto given = memory_->give_next(served_->working_set, cursor, tally);
  {
    const std::lock_guard lock(mutex_);
    figures_.bytes_copied += tally.bytes_copied;
    figures_.bytes_prefetched += tally.pages * served_->source.page_bytes();
    if (prefetch_) prefetch_->cursor = cursor;
  }
  // The clone goes on: should a page really be lost, it ends when that is missed.
  if (!given) {
    end_prefetch(given.error());
  } else if (!*given) {
    end_prefetch(std::nullopt);
  } else if (**given == Given::kNobody) {
    stop_ = true;
  } else if (**given == Given::kLater) {
    wait_for(memory_->fd(), kRetryMs);
  }
  return true;
}

/// Before they are answered: what a VMM has by then is used.
void CloneServer::note_used(const std::vector<Fault>& missed) {
  if (!record_ || missed.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const Fault& fault : missed) used_.add(fault.page);
}

void CloneServer::end_prefetch(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  if (!prefetch_ || prefetch_->done || prefetch_->error) return;
  prefetch_->done = !error;
  if (!error && record_) used_.add(served_->working_set);
  prefetch_->error = std::move(error);
  ::eventfd_write(prefetch_->told.get(), 1);
}

/// The fault stays unanswered. Who hears of it finds the VMM ended, if it was lent.
void CloneServer::break_off(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (!broken_) broken_ = error;
  }
  end_vmm();
  const std::lock_guard lock(mutex_);
  told_ = true;
  ::eventfd_write(served_->broke.get(), 1);
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

}  // namespace fcvm::memory
