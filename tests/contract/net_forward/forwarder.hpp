// Forwarder: owns an fcvm-forward that runs in a network namespace made for it, the VM's, whose own
// loopback plays the guest; and speaks its control protocol by hand. The test itself is the host.
#pragma once

#include <filesystem>
#include <optional>
#include <sys/resource.h>

#include "core/base/io/socket_pair.hpp"
#include "core/base/process/spawn.hpp"
#include "plugins/net/common/helper_program.hpp"
#include "plugins/net/forward/protocol.hpp"
#include "tests/contract/net_forward/sockets.hpp"
#include "tests/support/own_network.hpp"

namespace fcvm::test {

class Forwarder {
 public:
  explicit Forwarder(std::vector<std::string> words = {"127.0.0.1"}, rlim_t open_files = 0)
      : vm_(make_network()) {
    auto ends = must(base::SocketPair::create(SOCK_SEQPACKET));
    control_ = std::move(ends.first);
    const timeval limit{60, 0};
    ::setsockopt(control_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    base::SpawnOptions options;
    options.argv = std::move(words);
    options.argv.insert(options.argv.begin(), must(net::helper_program("fcvm-forward")));
    options.extra_fds = {{ends.second.get(), forward::kControlFd}};
    options.namespaces = {vm_.borrow()};
    if (open_files > 0) options.limits = {{RLIMIT_NOFILE, {open_files, open_files}}};
    process_.emplace(must(base::spawn(options)));
  }

  /// Listens in the VM's namespace, as a server in the guest would.
  base::Fd guest_listens(const std::string& host = "127.0.0.1", std::uint16_t port = 0) {
    return must(
        base::in_namespace(vm_, [&]() -> Result<base::Fd> { return listen_at(host, port); }));
  }
  base::Fd guest_udp(const std::string& host = "127.0.0.1", std::uint16_t port = 0) {
    return must(base::in_namespace(vm_, [&]() -> Result<base::Fd> { return udp_at(host, port); }));
  }

  /// The errno value that it answers with, 0 for success.
  int ask(forward::Request request, const std::vector<int>& sockets = {}) {
    request.sequence = ++sequence_;
    must(base::send_fds(control_.get(), forward::encode(request), sockets));
    const auto reply = next_reply();
    CHECK(reply.sequence == sequence_);
    return reply.error;
  }
  int add(std::uint32_t id, std::uint16_t guest_port, const std::vector<int>& sockets) {
    forward::Request request;
    request.verb = forward::Verb::kAdd;
    request.id = id;
    request.guest_port = guest_port;
    request.count = static_cast<std::uint16_t>(sockets.size());
    return ask(request, sockets);
  }
  int remove(std::uint32_t id, std::uint16_t count = 1) {
    forward::Request request;
    request.verb = forward::Verb::kRemove;
    request.id = id;
    request.count = count;
    return ask(request);
  }
  /// Publishes a port of 127.0.0.1 and says which. Ours is closed: the forwarder has it.
  std::uint16_t publish(const base::Fd& server, std::uint32_t id = 1) {
    const base::Fd listener = listen_at("127.0.0.1");
    REQUIRE(add(id, port_of(server), {listener.get()}) == 0);
    return port_of(listener);
  }
  forward::Reply next_reply() {
    const auto received = must(base::receive_fds(control_.get(), 64, 0));
    const auto reply = forward::decode<forward::Reply>(received.bytes);
    REQUIRE(reply.has_value());
    return *reply;
  }

  /// Once it has dealt with all that was asked and sent before.
  [[nodiscard]] std::size_t open_files() {
    constexpr std::uint32_t kNobody = 4'000'000'000;
    // Twice: the first answer may come in the middle of the round that deals with it all.
    REQUIRE(remove(kNobody) == 0);
    REQUIRE(remove(kNobody) == 0);
    const std::filesystem::path path = "/proc/" + std::to_string(process_->pid()) + "/fd";
    const std::filesystem::directory_iterator all(path);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  base::Fd& control() { return control_; }
  base::Child& process() { return *process_; }
  base::Namespace& vm() { return vm_; }

 private:
  static base::Namespace make_network() {
    must(enter_own_network());
    return must(new_network());
  }

  base::Namespace vm_;
  base::Fd control_;
  std::optional<base::Child> process_;
  std::uint32_t sequence_ = 0;
};

/// A client of a published port and what the guest's server accepted for it.
struct Joined {
  base::Fd client;
  base::Fd server;
};
inline Joined join(std::uint16_t port, const base::Fd& guest_listener) {
  base::Fd client = connect_to("127.0.0.1", port);
  base::Fd server = accept_from(guest_listener);
  return {std::move(client), std::move(server)};
}

}  // namespace fcvm::test
