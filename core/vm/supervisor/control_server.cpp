#include "core/vm/supervisor/control_server.hpp"

#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/log/log.hpp"

namespace fcvm::vm {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
/// For a request to come as a whole, and for an answer to be read.
constexpr std::chrono::seconds kPatience{10};

/// The directory keeps strangers out already; this does where it was given a laxer mode.
bool is_permitted(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

/// One request and its answer; keeps itself alive until the answer is out.
class ControlServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, const Handler& handler)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        received_(kControlLineLimit),
        handler_(handler) {}

  void start() {
    close_after(kPatience);
    asio::async_read_until(
        socket_, received_, '\n',
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
          if (!error) self->handle(size);
        });
  }

  [[nodiscard]] bool is_open() const { return socket_.is_open(); }

  /// Never waits: whoever does not read is dropped after a while, and keeps nobody waiting until
  /// then.
  void answer(std::string line, int fd) {
    if (!is_open()) return;
    if (fd >= 0) {
      // Short, and the first thing on this socket, so that it goes at once.
      if (auto sent = send_control_line(socket_.native_handle(), line, fd); !sent) {
        log::debug("vm", "answering on the control socket: {}", sent.error().message());
      }
      return close();
    }
    line_ = std::move(line);
    boost::system::error_code error;
    socket_.non_blocking(true, error);
    // At once as far as it goes: at the VM's end nobody runs the loop any more.
    const std::size_t sent = socket_.write_some(asio::buffer(line_), error);
    if (sent == line_.size() || (error && error != asio::error::would_block)) return close();
    close_after(kPatience);
    asio::async_write(socket_, asio::buffer(line_) + sent,
                      [self = shared_from_this()](const auto&, std::size_t) {
                        self->timer_.cancel();
                        self->close();
                      });
  }

 private:
  void handle(std::size_t size) {
    timer_.cancel();  // the answer takes as long as it takes
    const std::string line(
        asio::buffers_begin(received_.data()),
        asio::buffers_begin(received_.data()) + static_cast<std::ptrdiff_t>(size));
    const auto request = ask::decode_request(line);
    if (!request) {
      const Result<ask::Done> refused = unexpected(request.error());
      return answer(ask::encode_answer(refused), -1);
    }
    watch_client();
    handler_(*request, Asker(shared_from_this()));
  }

  /// A client that has gone frees its descriptor at once, not when the VM ends.
  void watch_client() {
    socket_.async_wait(Socket::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (!error && self->has_hung_up()) self->close();
                       });
  }

  /// Both ways: one that has only closed its sending half waits for the answer.
  bool has_hung_up() {
    pollfd polled{socket_.native_handle(), POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
  }

  void close_after(std::chrono::seconds patience) {
    timer_.expires_after(patience);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
      if (!cancelled) self->close();
    });
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  Socket socket_;
  asio::steady_timer timer_;
  std::string line_;
  asio::streambuf received_;
  const Handler& handler_;
};

void ControlServer::Asker::send(std::string line, int fd) const {
  if (connection_) connection_->answer(std::move(line), fd);
}

bool ControlServer::Asker::is_awaited() const { return connection_ && connection_->is_open(); }

Result<std::unique_ptr<ControlServer>> ControlServer::listen(asio::io_context& loop,
                                                             const std::filesystem::path& directory,
                                                             Handler handler) {
  FCVM_TRY(base::make_directories(directory.string(), 0700));
  std::unique_ptr<ControlServer> server(new ControlServer(loop, directory, std::move(handler)));
  const Fd at = FCVM_TRY(base::open_file(directory.string(), O_PATH | O_DIRECTORY));
  Fd listener = FCVM_TRY(base::listen_unix_at(at.get(), Paths::kControlSocket) |
                         context("making the control socket"));
  FCVM_TRY(base::set_nonblocking(listener.get()));
  server->acceptor_.assign(asio::local::stream_protocol(), listener.release());
  server->accept();
  return server;
}

ControlServer::~ControlServer() {
  if (auto removed = base::remove_tree(directory_.string()); !removed) {
    log::warning("vm", "{}", removed.error().message());
  }
}

void ControlServer::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, Socket socket) {
    if (error == asio::error::operation_aborted) return;  // closed: the VM has ended
    if (error) return accept_later(error);
    if (is_permitted(socket.native_handle())) {
      std::make_shared<Connection>(std::move(socket), handler_)->start();
    }
    accept();
  });
}

/// Out of descriptors, mostly, which passes; who asks is kept waiting in the backlog.
void ControlServer::accept_later(const boost::system::error_code& why) {
  log::debug("vm", "accepting on the control socket: {}", why.message());
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) accept();
  });
}

}  // namespace fcvm::vm
