// The streams of mux.hpp; writing is in mux_output.cpp, reading in mux_input.cpp.
#include "core/wire/mux.hpp"

#include <algorithm>
#include <cstring>
#include <sys/random.h>
#include <time.h>

namespace fcvm::wire {

std::uint64_t Mux::random_nonce() {
  std::uint64_t nonce = 0;
  if (::getrandom(&nonce, sizeof nonce, GRND_NONBLOCK) == sizeof nonce) return nonce;
  // Only in the first moments of a guest; a guest's nonce protects nothing.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

Mux::Mux(Role role, MuxEvents& events, NonceSource nonces)
    : role_(role), events_(events), nonces_(std::move(nonces)) {
  restart();
}

void Mux::restart() {
  end_session(Error(ECONNRESET, "the port was opened anew"));
  magic_matched_ = 0;
  nonce_ = nonces_();
  stage_hello(role_ == Role::kHost ? MuxHelloKind::kHello : MuxHelloKind::kGreeting);
}

Result<MuxStreamId> Mux::open(std::uint32_t port) {
  if (role_ != Role::kHost) return fail(EINVAL, "only the host opens streams");
  if (!in_session_) return fail(ENOTCONN, "the guest has not answered yet");
  if (streams_.size() >= kMaxStreams || last_opened_ == UINT32_MAX) {
    return fail(EMFILE, "too many streams are open to the guest");
  }
  const MuxStreamId id = ++last_opened_;
  Stream& stream = streams_[id];
  stream.port = port;
  pend(id, stream, kOpen);
  return id;
}

void Mux::accept(MuxStreamId id) {
  Stream* stream = live(id);
  if (stream == nullptr || stream->accepted || role_ == Role::kHost) return;
  stream->accepted = true;
  stream->credit = kWindow;
  pend(id, *stream, kAccept);
}

void Mux::refuse(MuxStreamId id) {
  Stream* stream = live(id);
  if (stream == nullptr || stream->accepted || role_ == Role::kHost) return;
  stream->gone = true;
  pend(id, *stream, kRefuse);
}

std::size_t Mux::send(MuxStreamId id, std::span<const char> bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const auto room = prepare(id, bytes.size() - taken);
    if (room.empty()) break;
    std::memcpy(room.data(), bytes.data() + taken, room.size());
    commit(id, room.size());
    taken += room.size();
  }
  return taken;
}

std::size_t Mux::Stream::room() const {
  return std::min(credit, kSendQueue - std::min(queued, kSendQueue));
}

std::span<char> Mux::prepare(MuxStreamId id, std::size_t wanted) {
  Stream* stream = live(id);
  if (stream == nullptr || stream->finished || wanted == 0) return {};
  const std::size_t room = stream->room();
  if (room < wanted) stream->blocked = true;
  if (room == 0) return {};
  const std::size_t given = std::min({room, wanted, kMuxMaxData});
  // The smallest buffer keeps a shell session cheap, the largest keeps a copy fast.
  if (stream->chunks.empty() || stream->chunks.back().room() == 0) {
    Chunk chunk;
    chunk.capacity = kMuxHeaderSize + std::max<std::size_t>(given, 4096);
    chunk.bytes = std::make_unique_for_overwrite<char[]>(chunk.capacity + kMuxHeaderSize);
    stream->chunks.push_back(std::move(chunk));
  }
  Chunk& chunk = stream->chunks.back();
  return {chunk.bytes.get() + chunk.end, std::min(given, chunk.room())};
}

void Mux::commit(MuxStreamId id, std::size_t count) {
  Stream* stream = live(id);
  if (stream == nullptr || count == 0 || stream->chunks.empty()) return;
  stream->chunks.back().end += count;
  stream->credit -= count;
  stream->queued += count;
  take_turn(id, *stream);
}

void Mux::finish(MuxStreamId id) {
  Stream* stream = live(id);
  if (stream == nullptr || stream->finished || !stream->accepted) return;
  stream->finished = true;
  pend(id, *stream, kEof);
}

void Mux::reset(MuxStreamId id) {
  Stream* stream = live(id);
  if (stream == nullptr) return;
  stream->gone = true;
  stream->chunks.clear();
  if ((stream->pending & kOpen) != 0) return drop(id);  // the peer never heard of it
  stream->pending = 0;
  pend(id, *stream, kReset);
}

void Mux::consumed(MuxStreamId id, std::size_t count) {
  Stream* stream = live(id);
  if (stream == nullptr || stream->eof_received) return;
  const std::size_t done = std::min(count, stream->held);
  stream->held -= done;
  stream->given_back += done;
  if (stream->given_back >= kWindow / 4) pend(id, *stream, kCredit);
}

Mux::Stream* Mux::live(MuxStreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() || found->second.gone ? nullptr : &found->second;
}

void Mux::pend(MuxStreamId id, Stream& stream, unsigned frame) {
  stream.pending |= frame;
  take_turn(id, stream);
}

void Mux::take_turn(MuxStreamId id, Stream& stream) {
  if (!std::exchange(stream.in_turn, true)) turns_.push_back(id);
}

/// Its turn goes with it: while the peer does not read, streams may come and go without end.
void Mux::drop(MuxStreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (found->second.in_turn) std::erase(turns_, id);
  streams_.erase(found);
}

void Mux::drop_if_done(MuxStreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (found->second.eof_written && found->second.eof_received) drop(id);
}

void Mux::unblock(MuxStreamId id, Stream& stream) {
  if (stream.blocked && stream.room() > 0 && !stream.finished) {
    stream.blocked = false;
    events_.writable(id);
  }
}

}  // namespace fcvm::wire
