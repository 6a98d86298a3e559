// Server: listens, keeps idle connections, and hands each request to a thread of its own pool.
//
// Owns the listener, the connections and the threads. One thread, the loop's, has all connections
// that wait for a request, so that an idle client costs no thread; from a request's last header
// line to the end of its answer it has one of the pool, which may block.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/api/http/exchange.hpp"
#include "core/base/loop/interest.hpp"
#include "core/base/loop/loop.hpp"
#include "core/base/loop/worker_pool.hpp"

namespace fcvm::api::http {

/// Answers, or leaves without an answer, which is then 500. In any thread of the pool.
using Handler = std::function<void(Exchange& exchange)>;

struct ServerLimits {
  std::size_t connections = 4096;
  /// Requests that are being answered; one more is refused with 503.
  unsigned requests = 512;
};

class Server {
 public:
  /// Serves from run() on. `loop` is the caller's, whose thread calls run().
  Server(base::Loop& loop, Fd listener, Handler handler, ServerLimits limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Waits for the handlers that still work; drain() asks them to end.
  ~Server();

  [[nodiscard]] Result<void> start();

  /// No new request from here on. `done` is called, in the loop, when the last one was answered;
  /// handlers that stream learn of it by `ending()`.
  void drain(std::function<void()> done);
  [[nodiscard]] bool ending() const { return ending_; }

  [[nodiscard]] std::size_t requests_now() const { return busy_; }

 private:
  struct Client {
    Connection connection;
    std::unique_ptr<base::Interest> interest{};
    base::Loop::TimerId limit{};
  };
  using Clients = std::list<Client>;

  void accept();
  void see_to_listener();
  void await_request(Clients::iterator client);
  void take_bytes(Clients::iterator client);
  void look_for_request(Clients::iterator client);
  void dispatch(Clients::iterator client);
  void serve(const std::shared_ptr<Client>& client);
  void come_back(const std::shared_ptr<Client>& client, bool goes_on);
  void refuse(Clients::iterator client, int status);
  void close(Clients::iterator client);
  void end_if_done();

  base::Loop& loop_;
  Fd listener_;
  base::Interest accepts_;
  const Handler handler_;
  const ServerLimits limits_;
  Clients idle_;
  std::atomic<std::size_t> busy_{0};
  std::atomic<bool> ending_{false};
  bool is_pausing_ = false;
  std::function<void()> on_drained_;
  base::WorkerPool pool_;
};

}  // namespace fcvm::api::http
