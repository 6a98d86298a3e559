// PortForward: ports of this host that lead to ports on a guest's loopback, through its supervisor
// and the agent's forward port. Owns the listening sockets and a thread for each connection.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/vm/store/store.hpp"

namespace fcvm::vm {

struct ForwardedPort {
  std::uint16_t local = 0;  // 0: a free one
  std::uint16_t remote = 0;
};
/// [LOCAL:]REMOTE. ":80" and "0:80" take a free port.
[[nodiscard]] Result<ForwardedPort> parse_forwarded_port(std::string_view text);

class PortForward {
 public:
  [[nodiscard]] static Result<std::unique_ptr<PortForward>> create(const Store& store,
                                                                   const Record& record);
  PortForward(const PortForward&) = delete;
  PortForward& operator=(const PortForward&) = delete;
  /// Ends every connection and waits for its thread.
  ~PortForward();

  /// The port that it listens on: `port.local`, or the free one that was found.
  [[nodiscard]] Result<std::uint16_t> listen(const std::string& address, ForwardedPort port);

  /// Serves until `stop_fd` is readable, which is not an error, or the VM has ended, which is one.
  Result<void> run(int stop_fd);

 private:
  struct Listener {
    Fd socket;
    std::uint16_t remote;
  };

  PortForward(const Store& store, const Record& record, Fd supervisor, Fd stopping)
      : store_(store),
        id_(record.id),
        name_(record.name),
        supervisor_(std::move(supervisor)),
        stopping_(std::move(stopping)) {}

  void accept_from(const Listener& listener);
  void serve(const Fd& client, std::uint16_t remote);
  /// Whether one more connection may be taken.
  bool has_room();

  const Store& store_;
  const std::string id_;
  const std::string name_;
  const Fd supervisor_;  // a pidfd
  const Fd stopping_;    // readable once all connections are to end
  std::vector<Listener> listeners_;
  std::mutex mutex_;
  std::condition_variable fewer_;
  std::size_t connections_ = 0;
};

}  // namespace fcvm::vm
