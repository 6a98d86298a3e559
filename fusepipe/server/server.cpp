// See server.hpp.
#include "fusepipe/server/server.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "core/base/io/unix_socket.hpp"
#include "fusepipe/server/init.hpp"
#include "fusepipe/stream/given_stream.hpp"
#include "fusepipe/stream/message_reader.hpp"

namespace fcvm::fusepipe {

namespace {

constexpr std::chrono::seconds kHelloTime{10};
/// For a mount whose streams all broke: it may dial again.
constexpr std::chrono::seconds kKeptWithoutStreams{10};
constexpr std::chrono::milliseconds kLookForOld{1000};
constexpr std::chrono::milliseconds kWithoutDescriptors{100};
constexpr std::size_t kMostClients = 64;
constexpr std::size_t kMostStreams = 512;
/// Between the nodes of two mounts of a server, and far from those of another server.
constexpr std::uint64_t kNodesOfAMount = 1ULL << 40;

std::uint64_t random_node(const Token& token) {
  std::uint64_t number = 0;
  std::memcpy(&number, token.data(), sizeof number);
  return (number >> 2 & ~(kNodesOfAMount - 1)) + kRootNode + 1;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::create(Directory directory) {
  const Token token = FCVM_TRY(random_token());
  const Token nodes = FCVM_TRY(random_token());
  std::unique_ptr<Server> server(new Server(std::move(directory), token, random_node(nodes)));
  server->wakes_ = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!server->wakes_) return fail_errno("making an eventfd");
  return server;
}

Server::Server(Directory directory, const Token& token, std::uint64_t first_node)
    : directory_(std::move(directory)),
      limits_(DescriptorLimits::of_process()),
      token_(token),
      next_node_(first_node) {}

Server::~Server() {
  for (StreamThread& each : threads_) {
    ::shutdown(each.stream->get(), SHUT_RDWR);
    each.thread.join();
  }
}

Result<void> Server::accept_from(const base::Fd& listener, int stop) {
  for (;;) {
    pollfd waits[] = {{listener.get(), POLLIN, 0}, {stop, POLLIN, 0}, {wakes_.get(), POLLIN, 0}};
    if (::poll(waits, 3, static_cast<int>(kLookForOld.count())) < 0 && errno != EINTR) {
      return fail_errno("waiting for streams");
    }
    if (waits[1].revents != 0) return {};
    reap();
    forget_clients();
    if ((waits[0].revents & POLLIN) == 0) continue;
    auto stream = base::accept_connection(listener.get());
    // A peer that has gone by now, or too few descriptors for one more: the others go on.
    if (!stream) {
      ::poll(nullptr, 0, static_cast<int>(kWithoutDescriptors.count()));
    } else if (threads_.size() < kMostStreams) {
      start(std::move(*stream));
    }
  }
}

Result<void> Server::take_from(const base::Fd& giver, int stop) {
  is_given_ = true;
  bool asked = false;
  for (;;) {
    reap();
    forget_clients();
    if (!asked && ungreeted_ == 0 && threads_.size() < kMostStreams) {
      FCVM_TRY(ask_for_stream(giver.get()));
      asked = true;
    }
    pollfd waits[] = {{giver.get(), POLLIN, 0}, {stop, POLLIN, 0}, {wakes_.get(), POLLIN, 0}};
    if (::poll(waits, 3, static_cast<int>(kLookForOld.count())) < 0 && errno != EINTR) {
      return fail_errno("waiting for streams");
    }
    if (waits[1].revents != 0) return {};
    if (waits[0].revents == 0) continue;
    auto given = take_given_stream(giver.get());
    if (!given && given.error().code() == ENOTCONN) return {};
    if (!given) return unexpected(std::move(given).error());
    asked = false;
    start(std::move(*given));
  }
}

Result<void> Server::serve(std::vector<base::Fd> streams, int stop) {
  for (base::Fd& stream : streams) start(std::move(stream));
  while (!threads_.empty()) {
    pollfd waits[] = {{stop, POLLIN, 0}, {wakes_.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return fail_errno("waiting for streams");
    if (waits[0].revents != 0) return {};
    reap();
  }
  return {};
}

void Server::start(base::Fd stream) {
  ++ungreeted_;
  StreamThread& added = threads_.emplace_back();
  added.stream = std::make_shared<const base::Fd>(std::move(stream));
  try {
    added.thread = std::thread([this, &added] { run(added); });
  } catch (const std::system_error&) {
    threads_.pop_back();  // and the stream with it: its other end sees that there is no more room
    --ungreeted_;
  }
}

void Server::run(StreamThread& self) {
  serve_stream(self.stream);
  self.done = true;
  wake();
}

void Server::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wakes_.get(), &one, sizeof one);
}

void Server::reap() {
  std::uint64_t count = 0;
  (void)!::read(wakes_.get(), &count, sizeof count);
  for (auto each = threads_.begin(); each != threads_.end();) {
    const auto next = std::next(each);
    if (each->done) {
      each->thread.join();
      threads_.erase(each);
    }
    each = next;
  }
}

void Server::serve_stream(const Queue::Stream& stream) {
  const auto until = is_given_ ? base::Deadline::never() : base::Deadline::in(kHelloTime);
  const auto hello = read_hello(stream->get(), until);
  --ungreeted_;
  wake();
  if (!hello) return;
  HelloReply answer{};
  answer.server = token_;
  answer.init = answer_init(hello->init, directory_.options());
  std::shared_ptr<Session> session;
  if (answer.init.major == 0 || hello->queue >= kMaxQueues) {
    answer.error = EPROTO;
  } else {
    session = join(hello->mount, answer.error);
  }
  if (!session) {
    (void)answer_hello(stream->get(), answer);
    return;
  }
  if (hello->role == Role::kQueue) {
    serve_queue(*session, hello->queue, stream, answer);
  } else if (answer_hello(stream->get(), answer)) {
    // Nothing comes on it but its end.
    char nothing = 0;
    while (::recv(stream->get(), &nothing, sizeof nothing, 0) > 0) {
    }
  }
  leave(hello->mount);
}

void Server::serve_queue(Session& session, std::uint32_t number, const Queue::Stream& stream,
                         HelloReply hello) {
  Queue& queue = session.queue(number);
  hello.received = queue.replace(stream);
  if (answer_hello(stream->get(), hello)) {
    MessageReader reader(stream->get(), sizeof(fuse_in_header));
    Reply reply;
    for (;;) {
      const auto message = reader.next();
      if (!message || message->empty() || !session.take(queue, stream, *message, reply)) break;
    }
  }
  queue.lost(stream);
  ::shutdown(stream->get(), SHUT_RDWR);
}

std::shared_ptr<Session> Server::join(const Token& mount, int& error) {
  const std::scoped_lock lock(mutex_);
  auto found = clients_.find(mount);
  if (found == clients_.end()) {
    if (clients_.size() >= kMostClients) {
      error = EUSERS;
      return nullptr;
    }
    auto made = Mount::create(directory_, next_node_, limits_);
    if (!made) {
      error = made.error().code();
      return nullptr;
    }
    next_node_ += kNodesOfAMount;
    found = clients_.emplace(mount, Client{std::make_shared<Session>(std::move(*made))}).first;
  }
  ++found->second.streams;
  found->second.until = base::Deadline::never();
  return found->second.session;
}

void Server::leave(const Token& mount) {
  const std::scoped_lock lock(mutex_);
  Client& client = clients_[mount];
  if (--client.streams == 0) client.until = base::Deadline::in(kKeptWithoutStreams);
}

void Server::forget_clients() {
  std::vector<std::shared_ptr<Session>> ended;  // which may take a while to end
  const std::scoped_lock lock(mutex_);
  for (auto client = clients_.begin(); client != clients_.end();) {
    const auto next = std::next(client);
    if (client->second.streams == 0 && client->second.until.expired()) {
      ended.push_back(std::move(client->second.session));
      clients_.erase(client);
    }
    client = next;
  }
}

}  // namespace fcvm::fusepipe
