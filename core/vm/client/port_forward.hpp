// PortForward: ports of this host that lead to ports on a guest's loopback, through its supervisor
// and the agent's forward port. Owns the listening sockets, the connections, and workers that dial.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/loop/interest.hpp"
#include "core/base/loop/loop.hpp"
#include "core/base/loop/worker_pool.hpp"
#include "core/vm/client/byte_pump.hpp"
#include "core/vm/guest/frame_link.hpp"
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
  /// Waits for whoever dials now.
  ~PortForward() {
    diallers_.drop_waiting();
    diallers_.join();
  }

  /// The port that it listens on: `port.local`, or the free one that was found.
  [[nodiscard]] Result<std::uint16_t> listen(const std::string& address, ForwardedPort port);

  /// Serves until `stop_fd` is readable, which is not an error, or the VM has ended, which is one.
  Result<void> run(int stop_fd);

 private:
  struct Listener {
    Fd socket;
    std::uint16_t remote;
    std::unique_ptr<base::Interest> interest{};
  };
  struct Connection {
    Fd client;  // until its pump has it
    std::uint16_t remote;
    std::unique_ptr<BytePump> pump{};
  };
  using Connections = std::list<Connection>;

  PortForward(const Store& store, const Record& record, Fd supervisor,
              std::unique_ptr<base::Loop> loop)
      : store_(store),
        id_(record.id),
        name_(record.name),
        supervisor_(std::move(supervisor)),
        loop_(std::move(loop)) {}

  void accept_from(const Listener& listener);
  Result<void> listen_if_room();
  void see_to_listeners();
  void dial(Connections::iterator connection);
  void connect(Connections::iterator connection, Result<FrameLink::Raw> guest);
  void end(Connections::iterator connection);

  const Store& store_;
  const std::string id_;
  const std::string name_;
  const Fd supervisor_;  // a pidfd
  std::unique_ptr<base::Loop> loop_;
  std::optional<Error> failure_;
  std::list<Listener> listeners_;
  Connections connections_;
  bool is_pausing_ = false;
  base::WorkerPool diallers_{32};
};

}  // namespace fcvm::vm
