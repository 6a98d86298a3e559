// Machine: owns a Publisher and the network namespace that its forwarder gets, whose own loopback
// plays the guest. The test itself is the host.
#pragma once

#include "core/base/io/file.hpp"
#include "core/plugin/host_table.hpp"
#include "core/plugin/process_keeper.hpp"
#include "plugins/net/common/publisher.hpp"
#include "tests/contract/net_forward/sockets.hpp"
#include "tests/support/own_network.hpp"

namespace fcvm::test {

inline fcvm_publish wanted(std::uint16_t host_port, std::uint16_t guest_port,
                           const char* address = nullptr, std::uint32_t protocol = FCVM_PROTO_TCP,
                           std::uint16_t count = 1) {
  auto made = sized<fcvm_publish>();
  made.protocol = protocol;
  made.address = address;
  made.host_port = host_port;
  made.guest_port = guest_port;
  made.count = count;
  return made;
}

struct Machine {
  base::Namespace vm = [] {
    must(enter_own_network());
    return must(new_network());
  }();
  CancelSource cancel;
  Call call{cancel, monotonic_now() + 60'000'000'000};
  plugin::ProcessKeeper keeper;  // its thread comes after the network that it is to be in
  plugin::HostTable host{"net.test", {.process = &keeper}};
  net::Publisher publisher{Host(host.get())};

  Result<void> reserve(const std::vector<fcvm_publish>& ports, const char* vm_id = "vm1") {
    std::vector<const fcvm_publish*> pointers;
    for (const fcvm_publish& port : ports) pointers.push_back(&port);
    auto request = sized<fcvm_net_request>();
    request.vm_id = vm_id;
    request.publish = pointers.data();
    request.publish_count = static_cast<std::uint32_t>(pointers.size());
    return publisher.reserve(request);
  }
  Result<void> start() { return publisher.start({-1, vm.fd(), "127.0.0.1/8", ""}, call); }
  base::Fd guest_listens(std::uint16_t port = 0) {
    return must(
        base::in_namespace(vm, [&]() -> Result<base::Fd> { return listen_at("127.0.0.1", port); }));
  }
  pid_t forwarder() {
    const int pidfd = must(publisher.health());
    const std::string info = must(base::read_file("/proc/self/fdinfo/" + std::to_string(pidfd)));
    return std::atoi(info.c_str() + info.find("Pid:") + 4);
  }
};

/// Ports that nobody in the test's own namespace has.
constexpr std::uint16_t kPort = 8080;

inline void check_forwards(const std::string& address, std::uint16_t port, const base::Fd& server) {
  const base::Fd client = connect_to(address, port);
  send_text(client, "ping");
  CHECK(receive_text(accept_from(server), 4) == "ping");
}

}  // namespace fcvm::test
