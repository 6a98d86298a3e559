#include "core/vm/supervisor/control_server.hpp"

#include <chrono>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/log/log.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::vm {

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
/// For a request to come as a whole, and for an answer to be read.
constexpr std::chrono::seconds kPatience{10};

}  // namespace

/// One request and its answer. The loop keeps it alive until it is closed.
class ControlServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(base::Loop& loop, Fd socket, const Handler& handler)
      : loop_(loop), socket_(std::move(socket)), handler_(handler) {}

  Result<void> start() {
    FCVM_TRY(base::set_nonblocking(socket_.get()));
    FCVM_TRY(loop_.watch(
        socket_.get(), EPOLLIN,
        [self = shared_from_this()](base::Loop::Events events) { self->on_events(events); }));
    close_after(kPatience);
    return {};
  }

  [[nodiscard]] bool is_open() const { return socket_.valid(); }

  /// Never waits: whoever does not read is dropped after a while, and keeps nobody waiting until
  /// then.
  void answer(std::string line, int fd) {
    if (!is_open()) return;
    if (fd >= 0) {
      // Short, and the first thing on this socket, so that it goes at once.
      if (auto sent = send_control_line(socket_.get(), line, fd); !sent) {
        log::debug("vm", "answering on the control socket: {}", sent.error().message());
      }
      return close();
    }
    state_ = State::kAnswering;
    text_ = std::move(line);
    // At once as far as it goes: at the VM's end nobody runs the loop any more.
    if (!write()) return close();
    loop_.change(socket_.get(), EPOLLOUT);
    close_after(kPatience);
  }

 private:
  enum class State { kReading, kServed, kAnswering };

  void on_events(base::Loop::Events events) {
    switch (state_) {
      case State::kReading:
        return read();
      case State::kServed:
        // A client that has gone frees its descriptor at once, not when the VM ends. One that has
        // only closed its sending half waits for the answer.
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) close();
        return;
      case State::kAnswering:
        if (!write()) close();
        return;
    }
  }

  void read() {
    char buffer[4096];
    const ssize_t got = ::read(socket_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 || text_.size() + static_cast<std::size_t>(got) > kControlLineLimit) {
      return close();
    }
    text_.append(buffer, static_cast<std::size_t>(got));
    // Only what is new can have the newline.
    const auto end = text_.find('\n', text_.size() - static_cast<std::size_t>(got));
    if (end != std::string::npos) handle(text_.substr(0, end));
  }

  void handle(const std::string& line) {
    loop_.cancel(timer_);  // the answer takes as long as it takes
    const auto request = ask::decode_request(line);
    if (!request) {
      const Result<ask::Done> refused = unexpected(request.error());
      return answer(ask::encode_answer(refused), -1);
    }
    state_ = State::kServed;
    loop_.change(socket_.get(), 0);  // a hang-up is told all the same
    handler_(*request, Asker(shared_from_this()));
  }

  /// Whether there is more to write, and somebody to read it.
  bool write() {
    const ssize_t sent = ::send(socket_.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    text_.erase(0, static_cast<std::size_t>(sent));
    return !text_.empty();
  }

  void close_after(std::chrono::seconds patience) {
    loop_.cancel(timer_);
    timer_ = loop_.after(patience, [self = shared_from_this()] { self->close(); });
  }

  void close() {
    if (!is_open()) return;
    const auto self = shared_from_this();  // the loop lets go of it
    loop_.cancel(timer_);
    loop_.forget(socket_.get());
    socket_.reset();
  }

  base::Loop& loop_;
  Fd socket_;
  base::Loop::TimerId timer_;
  State state_ = State::kReading;
  std::string text_;  // of the request, then what is left of the answer
  const Handler& handler_;
};

void ControlServer::Asker::send(std::string line, int fd) const {
  if (connection_) connection_->answer(std::move(line), fd);
}

bool ControlServer::Asker::is_awaited() const { return connection_ && connection_->is_open(); }

Result<std::unique_ptr<ControlServer>> ControlServer::listen(base::Loop& loop,
                                                             const std::filesystem::path& directory,
                                                             Handler handler) {
  FCVM_TRY(base::make_directories(directory.string(), 0700));
  std::unique_ptr<ControlServer> server(new ControlServer(loop, directory, std::move(handler)));
  const Fd at = FCVM_TRY(base::open_file(directory.string(), O_PATH | O_DIRECTORY));
  server->listener_ = FCVM_TRY(base::listen_unix_at(at.get(), Paths::kControlSocket) |
                               context("making the control socket"));
  FCVM_TRY(base::set_nonblocking(server->listener_.get()));
  FCVM_TRY(server->listen_on());
  return server;
}

ControlServer::~ControlServer() {
  loop_.cancel(pause_);
  loop_.forget(listener_.get());
  if (auto removed = base::remove_tree(directory_.string()); !removed) {
    log::warning("vm", "{}", removed.error().message());
  }
}

Result<void> ControlServer::listen_on() {
  return loop_.watch(listener_.get(), EPOLLIN, [this](base::Loop::Events) { accept(); });
}

void ControlServer::accept() {
  auto accepted = base::accept_connection(listener_.get());
  if (!accepted && accepted.error().code() == EAGAIN) return;
  if (accepted && !is_permitted_peer(accepted->get())) return;
  auto started = accepted
                     ? std::make_shared<Connection>(loop_, *std::move(accepted), handler_)->start()
                     : Result<void>(unexpected(std::move(accepted).error()));
  if (started) return;
  log::debug("vm", "accepting on the control socket: {}", started.error().message());
  pause();
}

/// Out of descriptors, mostly, which passes; who asks is kept waiting in the backlog.
void ControlServer::pause() {
  loop_.forget(listener_.get());
  pause_ = loop_.after(kAcceptPause, [this] {
    if (auto again = listen_on(); !again) pause();
  });
}

}  // namespace fcvm::vm
