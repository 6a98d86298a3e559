// See byte_pump.hpp.
#include "core/vm/client/byte_pump.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace fcvm::vm {
namespace {

constexpr std::size_t kRoom = 128 << 10;

bool is_for_later() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

BytePump::BytePump(base::Loop& loop, Fd a, Fd b, std::string early,
                   std::function<void(bool whole)> on_end)
    : ends_{{{std::move(a), base::Interest(loop, [this](auto) { step(); }), std::move(early)},
             {std::move(b), base::Interest(loop, [this](auto) { step(); })}}},
      on_end_(std::move(on_end)) {}

void BytePump::only_to_a() {
  only_to_a_ = true;
  ends_[0].ended = true;
  ends_[1].shut = true;  // no half-close: a server may take it for a client that has gone
}

bool BytePump::reads(const End& from, const End& to) {
  return !from.ended && to.waiting.size() < kRoom;
}

Result<void> BytePump::read(End& from, End& to) {
  const std::size_t had = to.waiting.size();
  to.waiting.resize(had + kRoom);
  const ssize_t got = ::recv(from.socket.get(), to.waiting.data() + had, kRoom, MSG_DONTWAIT);
  to.waiting.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got == 0) from.ended = true;
  return got >= 0 || is_for_later() ? Result<void>() : fail_errno("reading a connection");
}

Result<void> BytePump::write(End& to) {
  const ssize_t sent = ::send(to.socket.get(), to.waiting.data() + to.written,
                              to.waiting.size() - to.written, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return is_for_later() ? Result<void>() : fail_errno("writing a connection");
  to.written += static_cast<std::size_t>(sent);
  if (to.written < to.waiting.size()) return {};
  to.waiting.clear();
  to.written = 0;
  return {};
}

/// One direction. What was just read is tried at once; what did not go before waits to be called.
Result<void> BytePump::carry(End& from, End& to, base::Loop::Events came, base::Loop::Events goes) {
  if (reads(from, to) && came != 0) FCVM_TRY(read(from, to));
  if (!to.waiting.empty() && (goes != 0 || to.written == 0)) FCVM_TRY(write(to));
  if (from.ended && to.waiting.empty() && !std::exchange(to.shut, true)) {
    ::shutdown(to.socket.get(), SHUT_WR);
  }
  return {};
}

Result<void> BytePump::turn() {
  auto& [a, b] = ends_;
  const auto of_a = a.interest.take();
  const auto of_b = b.interest.take();
  if (only_to_a_ && (of_a & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    return fail(ECONNRESET, "who takes the bytes has gone");
  }
  FCVM_TRY(carry(a, b, of_a, of_b));
  FCVM_TRY(carry(b, a, of_b, of_a));
  const auto want = [](End& end, End& other, base::Loop::Events always) {
    const auto moves = base::Loop::events(reads(end, other), !end.waiting.empty());
    return end.interest.want(end.socket.get(), moves | always);
  };
  FCVM_TRY(want(a, b, only_to_a_ ? base::Loop::Events{EPOLLRDHUP} : base::Loop::Events{}));
  return want(b, a, {});
}

void BytePump::step() {
  const bool whole = turn().has_value();
  if (whole && !(ends_[0].shut && ends_[1].shut)) return;
  for (End& end : ends_) end.interest.drop();
  if (const auto on_end = std::exchange(on_end_, {})) on_end(whole);
}

}  // namespace fcvm::vm
