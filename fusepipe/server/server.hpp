// Server: serves one directory to whoever dials. Owns the listener, a thread for each stream, and
// the sessions, each of which lives a while after its last stream.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"
#include "fusepipe/server/session.hpp"

namespace fcvm::fusepipe {

class Server {
 public:
  static Result<std::unique_ptr<Server>> create(Directory directory);
  ~Server();

  /// Accepts until `stop` becomes readable.
  Result<void> accept_from(const base::Fd& listener, int stop);
  /// Serves streams that come as descriptors over the socket `giver`, each asked for by a byte.
  /// There is always one that nobody has greeted yet, for a mount that wants one more. Until
  /// `giver` ends or `stop` becomes readable.
  Result<void> take_from(const base::Fd& giver, int stop);
  /// Serves streams that are there already, until all have ended or `stop` becomes readable.
  Result<void> serve(std::vector<base::Fd> streams, int stop);

 private:
  struct Client {
    std::shared_ptr<Session> session;
    std::size_t streams = 0;
    base::Deadline until = base::Deadline::never();  // how long it is kept without any
  };
  struct StreamThread {
    Queue::Stream stream;
    std::thread thread;
    std::atomic<bool> done = false;
  };

  Server(Directory directory, const Token& token, std::uint64_t first_node);

  void start(base::Fd stream);
  void run(StreamThread& self);
  void wake();
  void serve_stream(const Queue::Stream& stream);
  void serve_queue(Session& session, std::uint32_t number, const Queue::Stream& stream,
                   HelloReply hello);
  /// Null, with the errno in `error`, when it declines.
  std::shared_ptr<Session> join(const Token& mount, int& error);
  void leave(const Token& mount);
  void reap();
  void forget_clients();

  Directory directory_;
  DescriptorLimits limits_;
  Token token_;
  std::uint64_t next_node_;
  base::Fd wakes_;  // an eventfd: a stream has ended

  std::mutex mutex_;  // of clients_
  std::map<Token, Client> clients_;
  std::list<StreamThread> threads_;  // of the accepting thread alone
  bool is_given_ = false;            // each stream: then it is greeted when the mount wants it
  std::atomic<int> ungreeted_ = 0;
};

}  // namespace fcvm::fusepipe
