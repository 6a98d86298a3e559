// Holder: owns the process that holds a VM's namespaces, and the socket by which it is asked.
#pragma once

#include <csignal>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>

#include "plugins/net/rootless/holder_protocol.hpp"

namespace fcvm::rootless {

class Holder {
 public:
  /// Starts it; returns once the namespaces and all in them are there, pasta excepted.
  static Result<Holder> start(const Host& host, const HolderSetup& setup, const Call& call);

  [[nodiscard]] const Fd& user_namespace() const { return user_namespace_; }
  [[nodiscard]] const Fd& net_namespace() const { return net_namespace_; }
  /// Of the network namespace: nf_tables are changed by it. There once.
  [[nodiscard]] Fd take_filter() { return std::move(filter_); }
  [[nodiscard]] pid_t pid() const { return process_.status().pid; }

  /// To poll while pasta starts; then read_carried() says whether it has opened its tap.
  [[nodiscard]] int socket() const { return socket_.get(); }
  Result<void> read_carried();

  /// From any thread: a connection to the guest, made in its namespace; for UDP a connected socket.
  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) const;

  [[nodiscard]] int pidfd() const { return process_.pidfd(); }
  [[nodiscard]] fcvm_process_status status() const { return process_.status(); }
  Result<void> kill() { return process_.signal(SIGKILL); }

 private:
  Holder(Process process, Fd socket) : process_(std::move(process)), socket_(std::move(socket)) {}
  Result<void> read_ready();

  Process process_;
  Fd socket_;
  Fd user_namespace_;
  Fd net_namespace_;
  Fd filter_;
};

}  // namespace fcvm::rootless
