// A server on a Unix socket of a directory of its own, and a client that speaks to it.
#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>

#include "core/api/http/server.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/support/must.hpp"

namespace fcvm::api {

class Served {
 public:
  explicit Served(http::Handler handler,
                  http::ServerLimits limits = {.connections = 64, .requests = 4})
      : directory_(must(base::TempDir::create())),
        loop_(must(base::Loop::create())),
        server_(*loop_, must(base::listen_unix(path())), std::move(handler), limits) {
    ::signal(SIGPIPE, SIG_IGN);  // a server may hang up on what a test still sends
    must(server_.start());
    thread_ = std::thread([this] { must(loop_->run()); });
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  ~Served() {
    loop_->post([this] { server_.drain([this] { loop_->stop(); }); });
    thread_.join();
  }

  [[nodiscard]] base::Fd connect() const { return must(base::connect_unix(path())); }

  /// What comes until the server ends the connection.
  [[nodiscard]] std::string ask(std::string_view request) const {
    const auto socket = connect();
    static_cast<void>(base::write_all(socket.get(), request));  // refused before its end, perhaps
    return must(base::read_all(socket.get(), 1 << 24));
  }

  http::Server& server() { return server_; }

 private:
  [[nodiscard]] std::string path() const { return directory_.path() + "/socket"; }

  base::TempDir directory_;
  std::unique_ptr<base::Loop> loop_;
  http::Server server_;
  std::thread thread_;
};

}  // namespace fcvm::api
