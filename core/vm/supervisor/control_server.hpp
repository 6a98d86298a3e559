// ControlServer: the supervisor's end of the control socket. Owns the socket and its connections;
// lives on the control thread.
#pragma once

#include <functional>
#include <memory>
#include <set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcvm/result.hpp>

#include "core/vm/control/control_protocol.hpp"

namespace fcvm::vm {

class ControlServer {
 private:
  class Connection;

 public:
  /// Answers one request, once, on the control thread; one without an asker answers nobody.
  class Reply {
   public:
    Reply() = default;
    void operator()(const Result<ControlAnswer>& answer) const;
    /// Of a request that has nothing to answer but whether it was done.
    void done(const Result<void>& done) const;
    /// Whether the client still waits for it.
    [[nodiscard]] bool is_awaited() const;

   private:
    friend class ControlServer;
    explicit Reply(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
    std::shared_ptr<Connection> connection_;
  };
  using Handler = std::function<void(const ControlRequest&, Reply)>;

  /// Listens in the VM's directory of sockets, which it makes.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> listen(
      boost::asio::io_context& loop, const std::filesystem::path& directory, Handler handler);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  /// Removes the directory of sockets.
  ~ControlServer();

 private:
  ControlServer(boost::asio::io_context& loop, std::filesystem::path directory, Handler handler)
      : acceptor_(loop),
        pause_(loop),
        directory_(std::move(directory)),
        handler_(std::move(handler)) {}

  void accept();
  void accept_later(const boost::system::error_code& why);

  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::filesystem::path directory_;
  Handler handler_;
};

}  // namespace fcvm::vm
