// See link.hpp.
#include "fusepipe/relay/link.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <thread>

namespace fcvm::fusepipe {

namespace {

constexpr std::chrono::seconds kHelloTime{10};
constexpr std::chrono::milliseconds kBetweenTries{20};

}  // namespace

Result<void> Link::begin(const fuse_init_in& init) {
  hello_.mount = FCVM_TRY(random_token());
  hello_.init = init;
  return {};
}

Result<Link::Opened> Link::open(Role role, std::uint32_t queue, const Token* server) {
  Opened opened{FCVM_TRY(dial_()), {}, true};
  HelloRequest hello = hello_;
  hello.role = role;
  hello.queue = queue;
  opened.hello = FCVM_TRY(greet(opened.stream.get(), hello, base::Deadline::in(kHelloTime)));
  opened.same_server = server == nullptr || opened.hello.server == *server;
  const std::scoped_lock lock(mutex_);
  if (!agreed_) agreed_ = opened.hello.init;
  // The kernel was told once, and cannot be told anew.
  if (std::memcmp(&*agreed_, &opened.hello.init, sizeof *agreed_) != 0) {
    return fail(EPROTO, "the server that answers now wants to serve in another way");
  }
  if (stopped_) return fail(ESHUTDOWN, "the mount has gone");
  streams_.insert(opened.stream.get());
  return opened;
}

Result<Link::Opened> Link::reopen(Role role, std::uint32_t queue, const Token& server,
                                  std::chrono::milliseconds patience) {
  const auto deadline = base::Deadline::in(patience);
  for (;;) {
    auto opened = open(role, queue, &server);
    if (opened || deadline.expired() || stopped()) return opened;
    std::this_thread::sleep_for(kBetweenTries);
  }
}

void Link::remove(int stream) {
  const std::scoped_lock lock(mutex_);
  streams_.erase(stream);
}

void Link::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  for (const int stream : streams_) ::shutdown(stream, SHUT_RDWR);
}

bool Link::stopped() const {
  const std::scoped_lock lock(mutex_);
  return stopped_;
}

}  // namespace fcvm::fusepipe
