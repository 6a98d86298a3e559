// The streams of relay.hpp: each a socket on one side and a stream of the multiplexer on the other.
#include <sys/socket.h>

#include "plugins/vmm/qemu/relay.hpp"

namespace fcvm::qemu {

namespace {

/// How much the socket took; -1 when nobody will read it any more.
ssize_t put(int fd, std::span<const char> bytes) {
  const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return count;
}

}  // namespace

void Relay::accepted(Id id) {
  Stream& stream = streams_[id];
  stream.accepted = true;
  if (stream.dial == nullptr) {
    const std::string ok = "OK " + std::to_string(id) + "\n";
    if (put(stream.fd.get(), ok) != static_cast<ssize_t>(ok.size())) break_stream(id);
    return;
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    answer(*stream.dial, errno);
    return break_stream(id);
  }
  stream.fd = Fd(ends[0]);
  answer(*stream.dial, 0, Fd(ends[1]));
  stream.dial.reset();
}

void Relay::refused(Id id) { give_up(id, ECONNREFUSED); }

void Relay::give_up(Id id, int code) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (found->second.dial) answer(*found->second.dial, code);
  streams_.erase(found);
}

void Relay::data(Id id, std::span<const char> bytes) {
  delivered_ += bytes.size();
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  const ssize_t count = stream.left() == 0 ? put(stream.fd.get(), bytes) : 0;
  if (count < 0) return break_stream(id);
  const auto taken = static_cast<std::size_t>(count);
  stream.pending.append(bytes.data() + taken, bytes.size() - taken);
  mux_.consumed(id, taken);
}

void Relay::eof(Id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second.guest_eof = true;
  settle(id);
}

/// What came before the reset is still delivered.
void Relay::reset(Id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (!found->second.accepted) return give_up(id, port_ ? ECONNREFUSED : ESRCH);
  found->second.dead = true;
  if (found->second.left() == 0) {
    streams_.erase(found);
    return;
  }
  // The number may be used again by the next session.
  static constexpr Id kDead = 0x8000'0000;
  Id other = id | kDead;
  while (streams_.count(other) != 0) ++other;
  streams_[other] = std::move(found->second);
  streams_.erase(found);
}

void Relay::writable(Id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second.blocked = false;
  found->second.hung_up = found->second.read_closed && found->second.hung_up;
}

short Relay::wanted(const Stream& stream) {
  const bool reading = stream.accepted && !stream.read_closed && !stream.blocked && !stream.dead;
  return static_cast<short>((reading ? POLLIN : 0) | (stream.left() > 0 ? POLLOUT : 0));
}

void Relay::on_stream(Id id, short events) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  if ((events & POLLOUT) != 0) flush_stream(id);
  if (streams_.count(id) == 0) return;
  const bool reading = (wanted(stream) & POLLIN) != 0;
  if (reading && (events & (POLLIN | POLLHUP)) != 0) return read_stream(id, stream);
  if ((events & (POLLHUP | POLLERR)) == 0) return;
  // Nobody is there: what it still said is read when the guest has room for it.
  const bool may_still_read = stream.blocked && stream.left() == 0;
  if (stream.dead || !stream.accepted || (!stream.read_closed && !may_still_read)) {
    return break_stream(id);
  }
  if (stream.left() > 0) return break_stream(id);
  stream.hung_up = true;  // poll would say nothing else from now on
}

void Relay::read_stream(Id id, Stream& stream) {
  const auto room = mux_.prepare(id, wire::kMuxMaxData);
  if (room.empty()) {
    stream.blocked = true;
    return;
  }
  const ssize_t count = ::recv(stream.fd.get(), room.data(), room.size(), MSG_DONTWAIT);
  if (count > 0) return mux_.commit(id, static_cast<std::size_t>(count));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return break_stream(id);
  stream.read_closed = true;
  mux_.finish(id);
  settle(id);
}

void Relay::flush_stream(Id id) {
  Stream& stream = streams_[id];
  const ssize_t count =
      put(stream.fd.get(), {stream.pending.data() + stream.pending_from, stream.left()});
  if (count < 0) return break_stream(id);
  stream.pending_from += static_cast<std::size_t>(count);
  if (!stream.dead) mux_.consumed(id, static_cast<std::size_t>(count));
  if (stream.left() == 0 || stream.pending_from >= wire::Mux::kWindow / 2) {
    stream.pending.erase(0, stream.pending_from);
    stream.pending_from = 0;
  }
  settle(id);
}

/// Passes the guest's end on once all before it was read, and forgets a stream that is over.
void Relay::settle(Id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second.left() > 0) return;
  Stream& stream = found->second;
  if (stream.dead || (stream.guest_eof && stream.read_closed)) {
    streams_.erase(found);
  } else if (stream.guest_eof) {
    ::shutdown(stream.fd.get(), SHUT_WR);
  }
}

/// Our side is gone, or was never there.
void Relay::break_stream(Id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (!found->second.dead) mux_.reset(id);
  streams_.erase(found);
}

}  // namespace fcvm::qemu
