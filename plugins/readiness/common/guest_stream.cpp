// See guest_stream.hpp.
#include "plugins/readiness/common/guest_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "core/wire/forward.hpp"
#include "core/wire/frame.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::readiness {
namespace {

constexpr std::size_t kPiece = 16 << 10;
constexpr std::chrono::nanoseconds kOutsideLimit = std::chrono::milliseconds(500);

Result<wire::Frame> next_frame(wire::FrameBuffer& frames, GuestStream& stream) {
  for (;;) {
    if (auto frame = FCVM_TRY(frames.next())) return *frame;
    const std::string more = FCVM_TRY(stream.receive());
    if (more.empty()) return fail(EPIPE, "the guest's agent closed the connection");
    frames.append(more);
  }
}

/// The agent's part of the beginning of every stream.
Result<void> take_greeting(const wire::Hello& ours, const wire::Frame& frame) {
  if (frame.type == wire::Refusal::kType) {
    const auto refusal = FCVM_TRY(wire::decode<wire::Refusal>(frame));
    return fail(EIO, "the guest's agent refuses: " + refusal.message.substr(0, 200));
  }
  const auto theirs = FCVM_TRY(wire::decode<wire::Hello>(frame));
  FCVM_TRY(wire::negotiate(ours, theirs));
  return {};
}

wire::Hello our_hello() {
  wire::Hello hello;
  hello.software = "fcvm " FCVM_VERSION " (readiness)";
  return hello;
}

}  // namespace

Result<GuestStream> GuestStream::to_agent(const Host& host, std::uint32_t port, const Call& call,
                                          std::chrono::nanoseconds within) {
  const auto until = call.deadline(within);
  GuestStream stream(FCVM_TRY(host.dial_guest(port, call, within)), call, until);
  FCVM_TRY(stream.greet());
  return stream;
}

Result<void> GuestStream::greet() {
  const auto hello = our_hello();
  FCVM_TRY(send(wire::encode(hello)));
  wire::FrameBuffer frames(wire::kMaxHello);
  const auto theirs = FCVM_TRY(next_frame(frames, *this));
  return take_greeting(hello, theirs);
}

Result<GuestStream> GuestStream::to_loopback(const Host& host, std::uint16_t port, const Call& call,
                                             std::chrono::nanoseconds within) {
  const auto until = call.deadline(within);
  GuestStream stream(FCVM_TRY(host.dial_guest(wire::kForwardPort, call, within)), call, until);
  const auto hello = our_hello();
  FCVM_TRY(stream.send(wire::encode(hello) + wire::encode(wire::ForwardRequest{port})));
  wire::FrameBuffer frames(wire::kMaxForwardHeader);
  const auto theirs = FCVM_TRY(next_frame(frames, stream));
  FCVM_TRY(take_greeting(hello, theirs));
  const auto frame = FCVM_TRY(next_frame(frames, stream));
  const auto reply = FCVM_TRY(wire::decode<wire::ForwardReply>(frame));
  if (reply.code != 0) {
    return fail(reply.code > 0 ? reply.code : EIO, reply.message.substr(0, 200));
  }
  stream.unread_ = frames.take_rest();
  return stream;
}

Result<GuestStream> GuestStream::to_tcp(const Host& host, std::uint16_t port, const Call& call,
                                        std::chrono::nanoseconds within) {
  auto stream = to_loopback(host, port, call, within);
  if (stream || stream.error().code() != ECONNREFUSED) return stream;
  // A network that answers nothing at all must not keep the next look at the loopback waiting.
  auto outside = host.dial_guest_tcp(port, call, std::min(within, kOutsideLimit));
  if (outside) return GuestStream(*std::move(outside), call, call.deadline(within));
  // Whatever keeps the network from it, nobody listens on the loopback.
  return fail(ECONNREFUSED, "nobody listens on port " + std::to_string(port) + " of the guest");
}

Result<void> GuestStream::wait(short events) const {
  pollfd fds[2] = {{call_->cancel_fd(), POLLIN, 0}, {fd_.get(), events, 0}};
  for (;;) {
    if (call_->cancelled()) return fail(ECANCELED, "canceled");
    const std::int64_t left = until_ - monotonic_now();
    if (left <= 0) return fail(ETIMEDOUT, "no answer in time");
    const std::int64_t ms = std::min<std::int64_t>(left / 1'000'000 + 1, 60'000);
    if (::poll(fds, 2, static_cast<int>(ms)) < 0 && errno != EINTR) {
      return fail_errno("waiting for the guest");
    }
    if (fds[1].revents != 0) return {};
  }
}

Result<void> GuestStream::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      FCVM_TRY(wait(POLLOUT));
    } else if (errno != EINTR) {
      return fail_errno("sending to the guest");
    }
  }
  return {};
}

Result<std::string> GuestStream::receive() {
  if (!unread_.empty()) return std::exchange(unread_, {});
  std::string bytes(kPiece, '\0');
  for (;;) {
    FCVM_TRY(wait(POLLIN));
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got >= 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
    if (errno != EAGAIN && errno != EINTR) return fail_errno("receiving from the guest");
  }
}

}  // namespace fcvm::readiness
