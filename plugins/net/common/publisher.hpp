// Publisher: owns one VM's published ports: the VM's own loopback address, the listening sockets
// until they are handed over, and the process that forwards what comes in, fcvm-forward.
//
// The sockets are made in the host's network namespace and passed to the forwarder, which runs in
// the VM's: a socket keeps the namespace it was made in, so one process accepts in the one and
// dials in the other. Nothing here outlives the supervisor: the address and the ports are held by
// open sockets, the process by PDEATHSIG. So there is nothing to record and nothing to recover.
//
// In the order of a net plugin's verbs:
//
// - attach: reserve() first, so that a port that is taken fails before anything is made; start()
//   once the namespaces are there; stop() when anything after reserve() fails.
// - while the VM runs: publish() and unpublish(), and health() from any thread.
// - detach: stop(); twice is harmless.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <fcvm/net.hpp>
#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/sdk/host.hpp>

#include "plugins/net/common/listener.hpp"
#include "plugins/net/common/loopback_address.hpp"
#include "plugins/net/forward/protocol.hpp"

namespace fcvm::net {

/// Where the forwarder runs, and whom it dials.
struct ForwardTarget {
  int user_namespace_fd = -1;  // borrowed; -1 for none
  int net_namespace_fd = -1;
  std::string guest_ipv4;  // with or without a prefix length; "" for none
  std::string guest_ipv6;  // tried for TCP when the guest's IPv4 address refuses, or alone
};

/// reserve, start, publish, unpublish and stop: one at a time; the others from any thread.
class Publisher {
 public:
  explicit Publisher(Host host) : host_(host) {}
  ~Publisher() { stop(); }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// Takes the VM's own loopback address and binds every port of the request, or nothing.
  /// Connections queue from here on. EADDRINUSE, EADDRNOTAVAIL and EACCES say what fixes them.
  Result<void> reserve(const fcvm_net_request& request);

  /// Starts the forwarder and hands the reserved ports over. Without any it waits for the first
  /// publish(). A failure has stopped everything.
  Result<void> start(const ForwardTarget& target, const Call& call);

  /// All ports of the range or none.
  Result<fcvm::Published> publish(const fcvm_publish& wanted, const Call& call);
  /// Fails with ENOENT, and changes nothing, unless every port of the range is published with that
  /// protocol, address and guest port. TCP connections that are open go on; UDP sessions end.
  Result<void> unpublish(const fcvm_publish& unwanted, const Call& call);

  /// Ends the forwarder with every connection, and gives the ports and the address back.
  void stop();

  /// The VM's own address, for fcvm_net_attachment.host_address; "" before reserve().
  [[nodiscard]] std::string host_address() const;
  /// What reserve() has taken, in the order of the request.
  [[nodiscard]] const std::vector<fcvm::Published>& reserved() const { return reserved_ports_; }
  /// What is published, by protocol, address and host port.
  [[nodiscard]] std::vector<fcvm::Published> list() const;
  /// Fails once the forwarder has ended, and says how. Else an fd to poll, which is readable when
  /// it has: the forwarder's pidfd, or -1 as long as none is needed. Borrowed until stop().
  [[nodiscard]] Result<int> health() const;

 private:
  struct Forwarded {
    std::uint16_t guest_port;
    std::uint32_t id;  // the forwarder's name for it
  };

  [[nodiscard]] Result<std::vector<Listener>> bind_all(const PortRange& range) const;
  Result<void> keep(const ForwardTarget& target);
  Result<void> hand_over(const std::vector<Listener>& listeners, const Call& call);
  Result<void> add(std::span<const Listener> listeners, std::uint32_t id, const Call& call);
  Result<void> remove(std::uint32_t id, std::uint16_t count, const Call& call);
  void withdraw(std::uint32_t id, std::uint16_t count);
  Result<void> spawn_forwarder(const Call& call);
  Result<void> ask(forward::Request request, std::span<const int> sockets, const Call& call);
  Result<void> await_reply(std::uint32_t sequence, const Call& call);
  [[nodiscard]] Error ended() const;

  Host host_;
  std::vector<Listener> reserved_;  // bound, and not yet handed over
  std::vector<fcvm::Published> reserved_ports_;
  Fd user_namespace_;
  Fd net_namespace_;
  std::vector<std::string> guest_addresses_;
  Fd control_;  // to the forwarder
  std::uint32_t last_sequence_ = 0;
  std::uint32_t last_id_ = 0;

  mutable std::mutex mutex_;  // guards what [any] calls look at
  LoopbackAddress own_address_;
  Process forwarder_;
  std::map<PortKey, Forwarded> published_;
};

}  // namespace fcvm::net
