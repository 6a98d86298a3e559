// See relay.hpp.
#include "fusepipe/relay/relay.hpp"

#include <cerrno>
#include <cstring>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fusepipe/relay/fuse_mount.hpp"

namespace fcvm::fusepipe {

namespace {

/// A mount's first request.
struct Init {
  fuse_in_header header{};
  fuse_init_in in{};
};

Result<Init> read_init(int device) {
  std::vector<std::byte> message(kMaxMessage);
  for (;;) {
    const ssize_t got = ::read(device, message.data(), message.size());
    if (got < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (got < 0) return fail_errno("reading the mount's first request");
    Init init;
    const auto size = static_cast<std::size_t>(got);
    if (size < sizeof init.header) return fail(EPROTO, "the kernel's request has no header");
    std::memcpy(&init.header, message.data(), sizeof init.header);
    if (init.header.opcode != FUSE_INIT) return fail(EPROTO, "the mount is in use already");
    std::memcpy(&init.in, message.data() + sizeof init.header,
                std::min(size - sizeof init.header, sizeof init.in));
    return init;
  }
}

Result<void> answer_init(int device, const Init& init, const fuse_init_out& out) {
  struct {
    fuse_out_header header;
    fuse_init_out out;
  } answer{{sizeof answer, 0, init.header.unique}, out};
  if (::write(device, &answer, sizeof answer) < 0) return fail_errno("beginning the mount");
  return {};
}

}  // namespace

Result<std::unique_ptr<Relay>> Relay::start(base::Fd device, Link::Dial dial,
                                            const RelayOptions& options) {
  std::unique_ptr<Relay> relay(new Relay(std::move(dial), options));
  relay->ended_ = base::Fd(::eventfd(0, EFD_CLOEXEC));
  if (!relay->ended_) return fail_errno("making an eventfd");
  FCVM_TRY(relay->begin(std::move(device)));
  return relay;
}

Result<void> Relay::begin(base::Fd device) {
  // Before there is another queue: what comes first must not reach it.
  const Init init = FCVM_TRY(read_init(device.get()));
  FCVM_TRY(link_.begin(init.in));
  auto first = FCVM_TRY(link_.open(Role::kQueue, 0, nullptr));
  const Token server = first.hello.server;
  FCVM_TRY(answer_init(device.get(), init, first.hello.init));
  device_ = FCVM_TRY(clone_fuse_device(device.get()));
  const RelayQueue::Options options{options_.patience, options_.persistent};
  queues_.push_back(
      std::make_unique<RelayQueue>(link_, 0, std::move(device), std::move(first), options));
  for (std::uint32_t number = 1; number < options_.queues; ++number) {
    auto clone = FCVM_TRY(clone_fuse_device(device_.get()));
    auto opened = FCVM_TRY(link_.open(Role::kQueue, number, &server));
    queues_.push_back(
        std::make_unique<RelayQueue>(link_, number, std::move(clone), std::move(opened), options));
  }
  std::optional<Link::Opened> notifications;
  if (options_.notifications) {
    notifications = FCVM_TRY(link_.open(Role::kNotifications, 0, &server));
  }
  for (const auto& queue : queues_) {
    threads_.emplace_back([this, &queue = *queue] {
      const auto ran = queue.run();
      end(ran ? std::string() : ran.error().message());
    });
  }
  if (notifications) {
    threads_.emplace_back([this, opened = std::move(*notifications)]() mutable {
      run_notifications(std::move(opened));
    });
  }
  return {};
}

void Relay::run_notifications(Link::Opened opened) {
  const auto run = [&]() -> Result<void> {
    MessageReader reader(opened.stream.get(), sizeof(fuse_out_header));
    for (;;) {
      const auto message = FCVM_TRY(reader.next());
      if (message.empty()) return fail(ENODATA, "the server has ended");
      // That the kernel does not know the node any more, say, is nobody's failure.
      (void)!::write(device_.get(), message.data(), message.size());
    }
  };
  for (;;) {
    const auto ran = run();
    link_.remove(opened.stream.get());
    if (link_.stopped()) return;
    auto again = link_.reopen(Role::kNotifications, 0, opened.hello.server, options_.patience);
    while (!again && options_.persistent && !link_.stopped()) {
      again = link_.reopen(Role::kNotifications, 0, opened.hello.server, options_.patience);
    }
    if (!again) {
      end(again.error().message());
      return;
    }
    opened = std::move(*again);
  }
}

void Relay::end(const std::string& why) {
  {
    const std::scoped_lock lock(mutex_);
    if (reason_.empty()) reason_ = why;
  }
  const std::uint64_t one = 1;
  (void)!::write(ended_.get(), &one, sizeof one);
}

std::string Relay::reason() const {
  const std::scoped_lock lock(mutex_);
  return reason_;
}

void Relay::stop() {
  link_.stop();
  for (std::thread& each : threads_) each.join();
  threads_.clear();
}

Relay::~Relay() { stop(); }

}  // namespace fcvm::fusepipe
