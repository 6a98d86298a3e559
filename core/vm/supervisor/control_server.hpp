// ControlServer: the supervisor's end of the control socket. Owns the socket and its connections;
// lives on the control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <fcvm/result.hpp>

#include "core/base/loop/loop.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::vm {

class ControlServer {
 private:
  class Connection;

 public:
  /// Whoever asked, to be answered once, on the control thread; one without a client answers
  /// nobody.
  class Asker {
   public:
    Asker() = default;
    /// Whether the client still waits for it.
    [[nodiscard]] bool is_awaited() const;

    /// `fd` goes with the line; -1 for none.
    void send(std::string line, int fd) const;

   private:
    friend class ControlServer;
    explicit Asker(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
    std::shared_ptr<Connection> connection_;
  };

  /// Answers a request of that answer.
  template <typename Answer>
  class Reply {
   public:
    Reply() = default;
    explicit Reply(Asker asker) : asker_(std::move(asker)) {}

    void operator()(const Result<Answer>& answer) const {
      int fd = -1;
      if constexpr (std::is_same_v<Answer, ask::Stream>) fd = answer ? answer->fd.get() : -1;
      asker_.send(ask::encode_answer(answer), fd);
    }
    [[nodiscard]] bool is_awaited() const { return asker_.is_awaited(); }

   private:
    Asker asker_;
  };

  using Handler = std::function<void(const ask::Request&, Asker)>;

  /// Listens in the VM's directory of sockets, which it makes.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> listen(
      base::Loop& loop, const std::filesystem::path& directory, Handler handler);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  /// Removes the directory of sockets.
  ~ControlServer();

 private:
  ControlServer(base::Loop& loop, std::filesystem::path directory, Handler handler)
      : loop_(loop), directory_(std::move(directory)), handler_(std::move(handler)) {}

  Result<void> listen_on();
  void accept();
  void pause();

  base::Loop& loop_;
  Fd listener_;
  base::Loop::TimerId pause_;
  std::filesystem::path directory_;
  Handler handler_;
};

}  // namespace fcvm::vm
