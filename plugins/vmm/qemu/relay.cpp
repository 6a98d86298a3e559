// The thread of relay.hpp, and how others talk to it.
#include "plugins/vmm/qemu/relay.hpp"

#include <algorithm>
#include <csignal>
#include <pthread.h>
#include <sys/socket.h>

#include "plugins/vmm/common/quiet_thread.hpp"

namespace fcvm::qemu {

namespace {

constexpr std::size_t kReadSize = 128 * 1024;
/// How many reads of the port may follow each other before the streams have their turn.
constexpr int kReadsInARow = 4;
constexpr std::size_t kMaxClients = 64;
constexpr int kDescriptorPauseMs = 100;
/// Headers of frames, and frames that move no stream on, cost one of a budget for so many bytes.
constexpr std::size_t kUseless = 4096;

bool readable(int fd) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

}  // namespace

Relay::Relay(const Host& host, Fd port, Fd listener, Qmp& qmp, int pidfd)
    : host_(host),
      port_(std::move(port)),
      listener_(std::move(listener)),
      qmp_(qmp),
      pidfd_(pidfd),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffer_(std::make_unique_for_overwrite<char[]>(kReadSize)),
      mux_(wire::Mux::Role::kHost, *this) {}

Relay::~Relay() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

Result<void> Relay::start() {
  thread_ = FCVM_TRY(vmm::start_quiet_thread([this] { run(); }));
  return {};
}

Result<Fd> Relay::dial(std::uint32_t port, const Call& call) {
  const auto request = std::make_shared<Dial>(port);
  const std::string doing = "connecting to guest port " + std::to_string(port);
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return fail(ESRCH, doing + ": QEMU has ended");
    requests_.push_back(request);
  }
  wake();
  auto waited = call.wait(request->done.get(), POLLIN);
  std::unique_lock lock(mutex_);
  if (!request->answered) {
    request->abandoned = true;
    lock.unlock();
    wake();
    return unexpected(std::move(waited).error().context(doing));
  }
  if (request->code == ECONNREFUSED) {
    return fail(ECONNREFUSED, doing + ": nobody listens there in the guest (yet)");
  }
  if (request->code == ESRCH) return fail(ESRCH, doing + ": QEMU has ended");
  if (request->code != 0) return fail(request->code, doing + ": " + std::strerror(request->code));
  return std::move(request->fd);
}

bool Relay::wait_ended(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return ended_; });
}

void Relay::wake() { ::eventfd_write(wake_.get(), 1); }

void Relay::answer(Dial& dial, int code, Fd fd) {
  const std::lock_guard lock(mutex_);
  dial.answered = true;
  dial.code = code;
  dial.fd = std::move(fd);
  ::eventfd_write(dial.done.get(), 1);
}

void Relay::run() {
  ::pthread_setname_np(::pthread_self(), "qemu-relay");
  try {
    loop();
  } catch (const std::exception&) {
    // Out of memory: every stream ends, and whoever dials is told so.
  }
  finish();
}

void Relay::loop() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    take_requests();
    write_port();
    if (process_ended_ && streams_.empty()) return;
    watch_all();
    int timeout = std::exchange(no_descriptors_, false) ? kDescriptorPauseMs : -1;
    if (timeout < 0 && port_ && !may_read().expired()) timeout = may_read().as_poll_ms();
    if (::poll(polled_.data(), polled_.size(), timeout) <= 0) continue;
    for (std::size_t i = 0; i < polled_.size(); ++i) {
      if (polled_[i].revents != 0) on_event(watched_[i], polled_[i].revents);
    }
  }
}

void Relay::finish() {
  for (const auto& [id, stream] : streams_) {
    if (stream.dial) answer(*stream.dial, ESRCH);
  }
  streams_.clear();
  clients_.clear();
  std::vector<std::shared_ptr<Dial>> left;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    left.swap(requests_);
  }
  for (const auto& dial : left) answer(*dial, ESRCH);
  changed_.notify_all();
}

void Relay::watch(int fd, short events, Watch::What what, std::uint32_t id) {
  if (fd < 0) return;
  polled_.push_back({fd, events, 0});
  watched_.push_back({what, id});
}

void Relay::watch_all() {
  polled_.clear();
  watched_.clear();
  watch(wake_.get(), POLLIN, Watch::kWake);
  if (!process_ended_) watch(pidfd_, POLLIN, Watch::kProcess);
  if (monitor_open_) watch(qmp_.fd(), POLLIN, Watch::kMonitor);
  const int reading = may_read().expired() ? POLLIN : 0;
  const int writing = mux_.output().empty() ? 0 : POLLOUT;
  watch(port_.get(), static_cast<short>(reading | writing), Watch::kPort);
  if (!process_ended_ && !no_descriptors_ && clients_.size() < kMaxClients) {
    watch(listener_.get(), POLLIN, Watch::kListener);
  }
  for (const auto& [id, client] : clients_) watch(client.fd.get(), POLLIN, Watch::kClient, id);
  for (const auto& [id, stream] : streams_) {
    if (!stream.hung_up) watch(stream.fd.get(), wanted(stream), Watch::kStream, id);
  }
}

void Relay::on_event(const Watch& watch, short events) {
  eventfd_t ignored = 0;
  switch (watch.what) {
    case Watch::kWake:
      ::eventfd_read(wake_.get(), &ignored);
      return;
    case Watch::kProcess:
      return on_process_ended();
    case Watch::kMonitor:
      monitor_open_ = monitor_open_ && qmp_.on_readable();
      return;
    case Watch::kPort:
      if ((events & ~POLLOUT) != 0) read_port();
      return;
    case Watch::kListener:
      return accept_client();
    case Watch::kClient:
      return read_client(watch.id);
    case Watch::kStream:
      return on_stream(watch.id, events);
  }
}

void Relay::read_port() {
  for (int i = 0; i < kReadsInARow && port_ && (may_read().expired() || process_ended_); ++i) {
    const ssize_t count = ::recv(port_.get(), buffer_.get(), kReadSize, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return port_gone();
    const std::size_t before = delivered_;
    mux_.receive({buffer_.get(), static_cast<std::size_t>(count)});
    spend(static_cast<std::size_t>(count), delivered_ - before);
  }
}

void Relay::spend(std::size_t received, std::size_t delivered) {
  useless_bytes_ += received - std::min(received, delivered);
  for (; useless_bytes_ >= kUseless; useless_bytes_ -= kUseless) useless_.spend();
}

void Relay::write_port() {
  while (port_) {
    const auto bytes = mux_.output();
    if (bytes.empty()) return;
    const ssize_t count =
        ::send(port_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) return port_gone();
    mux_.written(static_cast<std::size_t>(count));
  }
}

void Relay::port_gone() {
  port_.reset();
  mux_.restart();  // resets every stream
}

void Relay::session_began() {
  session_pause_.connected();
  host_.debug("the guest's agent is there");
}

void Relay::session_ended(const Error& why) {
  if (process_ended_ || !port_) return;
  read_again_ = base::Deadline::in(session_pause_.next());
  const auto unsaid = breaches_.admit();
  if (!unsaid) return;
  const auto others = *unsaid == 0 ? "" : " (and " + std::to_string(*unsaid) + " times before)";
  host_.warning(why.message() + others);
}

/// QEMU is gone, but what it wrote before is still to be read. Who began it, or a process that it
/// left, may still hold the monitor's other end: the end of the process counts, not the socket's.
void Relay::on_process_ended() {
  process_ended_ = true;
  while (monitor_open_ && readable(qmp_.fd())) monitor_open_ = qmp_.on_readable();
  if (std::exchange(monitor_open_, false)) qmp_.close();
  while (port_ && readable(port_.get())) read_port();
  if (port_) port_gone();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

void Relay::take_requests() {
  std::vector<std::shared_ptr<Dial>> requests;
  std::vector<Id> abandoned;
  {
    const std::lock_guard lock(mutex_);
    requests.swap(requests_);
    for (const auto& [id, stream] : streams_) {
      if (stream.dial && stream.dial->abandoned) abandoned.push_back(id);
    }
  }
  for (const Id id : abandoned) break_stream(id);
  for (const auto& dial : requests) {
    const auto id = mux_.open(dial->port);
    if (id) {
      streams_[*id].dial = dial;
    } else {
      const bool not_yet = id.error().code() == ENOTCONN;
      answer(*dial, !port_ ? ESRCH : not_yet ? ECONNREFUSED : id.error().code());
    }
  }
}

}  // namespace fcvm::qemu
