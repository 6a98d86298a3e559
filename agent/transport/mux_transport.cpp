// See mux_transport.hpp.
#include "agent/transport/mux_transport.hpp"

#include <array>
#include <fcntl.h>
#include <map>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/wire/mux.hpp"

namespace fcvm::agent {
namespace {

using wire::MuxStreamId;

class MuxTransport : public Transport, private wire::MuxEvents {
 public:
  MuxTransport(Loop& loop, base::Fd port, OnAccept on_accept)
      : loop_(loop),
        port_(std::move(port)),
        on_accept_(std::move(on_accept)),
        mux_(wire::Mux::Role::kGuest, *this) {}
  ~MuxTransport() override {
    loop_.forget(port_.get());
    for (const auto& [id, end] : ends_) loop_.forget(end.socket.get());
  }

  Result<void> start() {
    FCVM_TRY(loop_.watch(port_.get(), EPOLLIN, [this](Loop::Events events) { on_port(events); }));
    mux_.restart();
    pump();
    return {};
  }

 private:
  /// Our end of a stream's socket pair; the service has the other.
  struct End {
    base::Fd socket;
    std::string unwritten;  // towards the service; at most the mux's window
    bool eof_from_host = false;
    bool shut = false;
    bool eof_from_service = false;
    bool blocked = false;  // the mux takes no more at the moment
    bool watched = false;
  };

  void on_port(Loop::Events events) {
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) read_port(events);
    pump();
  }

  // A port whose host end is closed reads as nothing with EPOLLHUP, for as long as it is closed.
  void read_port(Loop::Events events) {
    const ssize_t got = ::read(port_.get(), buffer_.data(), buffer_.size());
    if (got > 0) return mux_.receive({buffer_.data(), static_cast<std::size_t>(got)});
    if ((events & EPOLLHUP) == 0) return;
    loop_.forget(port_.get());
    loop_.after(std::chrono::milliseconds(20), [this] { watch_again(); });
  }

  void watch_again() {
    const auto watched =
        loop_.watch(port_.get(), EPOLLIN, [this](Loop::Events events) { on_port(events); });
    if (!watched) log_line(watched.error().message());
    pump();
  }

  void pump() {
    for (;;) {
      const auto bytes = mux_.output();
      if (bytes.empty()) return loop_.change(port_.get(), EPOLLIN);
      const ssize_t wrote = ::write(port_.get(), bytes.data(), bytes.size());
      if (wrote <= 0) return loop_.change(port_.get(), EPOLLIN | EPOLLOUT);
      mux_.written(static_cast<std::size_t>(wrote));
    }
  }

  void session_ended(const Error& why) override { log_line(why.message()); }

  void opened(MuxStreamId stream, std::uint32_t port) override {
    auto pair = base::SocketPair::create(SOCK_STREAM | SOCK_NONBLOCK);
    if (!pair) return mux_.refuse(stream);
    End& end = ends_[stream];
    end.socket = std::move(pair->first);
    mux_.accept(stream);
    watch_for(stream, end);
    on_accept_(port, std::move(pair->second));
  }

  void data(MuxStreamId stream, std::span<const char> bytes) override {
    const auto found = ends_.find(stream);
    if (found == ends_.end()) return mux_.consumed(stream, bytes.size());
    found->second.unwritten.append(bytes.data(), bytes.size());
    write_socket(stream, found->second);
  }

  void eof(MuxStreamId stream) override {
    const auto found = ends_.find(stream);
    if (found == ends_.end()) return;
    found->second.eof_from_host = true;
    write_socket(stream, found->second);
  }

  void reset(MuxStreamId stream) override { drop(stream); }

  void writable(MuxStreamId stream) override {
    const auto found = ends_.find(stream);
    if (found == ends_.end()) return;
    found->second.blocked = false;
    watch_for(stream, found->second);
  }

  void on_socket(MuxStreamId stream, Loop::Events events) {
    const auto found = ends_.find(stream);
    if (found == ends_.end()) return;
    if ((events & EPOLLOUT) != 0) write_socket(stream, found->second);
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) read_socket(stream, events);
    pump();
  }

  void read_socket(MuxStreamId stream, Loop::Events events) {
    const auto found = ends_.find(stream);
    if (found == ends_.end() || found->second.eof_from_service) return;
    End& end = found->second;
    const auto room = mux_.prepare(stream, wire::kMuxMaxData);
    if (room.empty()) {
      end.blocked = true;
      return watch_for(stream, end);
    }
    const ssize_t got = ::recv(end.socket.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) return mux_.commit(stream, static_cast<std::size_t>(got));
    mux_.commit(stream, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return give_up(stream);
    end.eof_from_service = true;
    mux_.finish(stream);
    if (end.shut || (events & EPOLLHUP) != 0) return drop(stream);
    watch_for(stream, end);
  }

  void write_socket(MuxStreamId stream, End& end) {
    std::size_t done = 0;
    while (done < end.unwritten.size()) {
      const ssize_t sent = ::send(end.socket.get(), end.unwritten.data() + done,
                                  end.unwritten.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EPIPE) return give_up(stream);
      if (sent <= 0) break;
      done += static_cast<std::size_t>(sent);
    }
    end.unwritten.erase(0, done);
    mux_.consumed(stream, done);
    if (end.unwritten.empty() && end.eof_from_host && !std::exchange(end.shut, true)) {
      ::shutdown(end.socket.get(), SHUT_WR);
      if (end.eof_from_service) return drop(stream);
    }
    watch_for(stream, end);
  }

  // Nothing to wait for means not to be watched at all: a hang-up cannot be masked.
  void watch_for(MuxStreamId stream, End& end) {
    const Loop::Events in = end.blocked || end.eof_from_service ? 0U : EPOLLIN;
    const Loop::Events wanted = in | (end.unwritten.empty() ? 0U : EPOLLOUT);
    const int fd = end.socket.get();
    if (wanted == 0) {
      loop_.forget(fd);
      end.watched = false;
    } else if (std::exchange(end.watched, true)) {
      loop_.change(fd, wanted);
    } else if (!loop_.watch(fd, wanted, [this, stream](Loop::Events e) { on_socket(stream, e); })) {
      give_up(stream);
    }
  }

  void give_up(MuxStreamId stream) {
    mux_.reset(stream);
    drop(stream);
  }

  void drop(MuxStreamId stream) {
    const auto found = ends_.find(stream);
    if (found == ends_.end()) return;
    loop_.forget(found->second.socket.get());
    ends_.erase(found);
  }

  Loop& loop_;
  base::Fd port_;
  OnAccept on_accept_;
  wire::Mux mux_;
  std::map<MuxStreamId, End> ends_;
  std::array<char, 64 << 10> buffer_;
};

}  // namespace

Result<std::unique_ptr<Transport>> mux_transport(Loop& loop, const std::string& device,
                                                 Transport::OnAccept on_accept) {
  auto port = FCVM_TRY(base::open_file(device, O_RDWR | O_NONBLOCK));
  auto transport = std::make_unique<MuxTransport>(loop, std::move(port), std::move(on_accept));
  FCVM_TRY(transport->start() | context("listening on " + device));
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace fcvm::agent
