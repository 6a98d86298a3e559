// Plays a VM on a tap: a real kernel stack in a network namespace of its own, whose eth0 is a tap
// too, and a cable between the two, which can be plugged into another tap while the guest goes on.
//
//   fake_guest guest MAC MTU IPV4/N GATEWAY4 [IPV6/N GATEWAY6]
//     Socket 3: each packet brings a tap to plug the cable into; "k" is said once the guest is up,
//     and after each plugging in. It echoes what comes to TCP and UDP port 7.
//   fake_guest tap NAME
//     Opens the tap NAME of the namespaces that it is started in, and sends it over socket 3.
#include <arpa/inet.h>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/base/net/rtnetlink.hpp"

namespace fcvm::test {
namespace {

constexpr int kSocket = 3;
constexpr std::uint16_t kEchoPort = 7;

Result<void> write_to(const std::string& path, const std::string& text) {
  const auto file = FCVM_TRY(base::open_file(path, O_WRONLY));
  return base::write_all(file.get(), text);
}

/// A namespace of its own, as root there: by a user namespace, unless it is root already.
Result<void> enter_own_network() {
  if (::unshare(CLONE_NEWNET) == 0) return {};
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return fail_errno("making a namespace");
  FCVM_TRY(write_to("/proc/self/setgroups", "deny"));
  FCVM_TRY(write_to("/proc/self/uid_map", "0 " + uid + " 1"));
  return write_to("/proc/self/gid_map", "0 " + gid + " 1");
}

Result<base::Fd> bring_up(const std::vector<std::string>& words) {
  base::Fd tap = FCVM_TRY(base::open_tap("eth0", false));
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  const unsigned eth0 = FCVM_TRY(kernel.link("eth0")).index;
  base::NetworkChange change;
  base::LinkChange up;
  up.up = true;
  change.set_link(1, "lo", up);
  up.mac = FCVM_TRY(base::MacAddress::parse(words[1]));
  up.mtu = static_cast<std::uint32_t>(std::stoul(words[2]));
  change.set_link(eth0, "eth0", up);
  for (std::size_t i = 3; i + 1 < words.size(); i += 2) {
    change.add_address(eth0, FCVM_TRY(base::IpPrefix::parse(words[i])));
    if (words[i + 1].empty()) continue;
    base::Route route;
    route.gateway = FCVM_TRY(base::IpAddress::parse(words[i + 1]));
    route.destination = base::IpPrefix::any(route.gateway->family);
    route.link = eth0;
    change.add_route(route);
  }
  FCVM_TRY(kernel.apply(change));
  return tap;
}

Result<base::Fd> bind_echo(int type) {
  base::Fd socket(::socket(AF_INET6, type | SOCK_CLOEXEC, 0));
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(kEchoPort);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      (type == SOCK_STREAM && ::listen(socket.get(), 64) != 0)) {
    return fail_errno("binding the echo port");
  }
  return socket;
}

void echo_stream(base::Fd stream) {
  char buffer[65536];
  for (ssize_t got = 0; (got = ::read(stream.get(), buffer, sizeof buffer)) > 0;) {
    if (!base::write_all(stream.get(), {buffer, static_cast<std::size_t>(got)})) return;
  }
}

void serve_streams(base::Fd listener) {
  for (;;) {
    base::Fd stream(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (stream) std::thread(echo_stream, std::move(stream)).detach();
  }
}

void serve_datagrams(base::Fd socket) {
  char buffer[65536];
  for (;;) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    auto* peer = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = ::recvfrom(socket.get(), buffer, sizeof buffer, 0, peer, &length);
    if (got >= 0)
      (void)::sendto(socket.get(), buffer, static_cast<std::size_t>(got), 0, peer, length);
  }
}

void copy_frame(const base::Fd& from, const base::Fd& to) {
  static char frame[70000];
  const ssize_t size = ::read(from.get(), frame, sizeof frame);
  if (size > 0) (void)!::write(to.get(), frame, static_cast<std::size_t>(size));
}

/// Until the test closes its end.
Result<void> be_the_cable(const base::Fd& eth0) {
  base::Fd tap;
  for (;;) {
    pollfd polled[] = {
        {kSocket, POLLIN, 0}, {tap ? eth0.get() : -1, POLLIN, 0}, {tap.get(), POLLIN, 0}};
    if (::poll(polled, 3, -1) < 0) continue;
    if (polled[1].revents != 0) copy_frame(eth0, tap);
    if (polled[2].revents != 0) copy_frame(tap, eth0);
    if (polled[0].revents == 0) continue;
    auto received = FCVM_TRY(base::receive_fds(kSocket, 1, 1));
    if (received.bytes.empty()) return {};
    if (received.fds.empty()) tap.reset();
    if (!received.fds.empty()) tap = std::move(received.fds.front());
    FCVM_TRY(base::send_fds(kSocket, "k", {}));
  }
}

Result<void> run_guest(const std::vector<std::string>& words) {
  FCVM_TRY(enter_own_network());
  const base::Fd eth0 = FCVM_TRY(bring_up(words));
  base::Fd listener = FCVM_TRY(bind_echo(SOCK_STREAM));
  base::Fd datagrams = FCVM_TRY(bind_echo(SOCK_DGRAM));
  std::thread(serve_streams, std::move(listener)).detach();
  std::thread(serve_datagrams, std::move(datagrams)).detach();
  FCVM_TRY(base::send_fds(kSocket, "k", {}));
  return be_the_cable(eth0);
}

Result<void> open_for_test(const std::string& name) {
  const base::Fd tap = FCVM_TRY(base::open_tap(name, false));
  const int fds[] = {tap.get()};
  return base::send_fds(kSocket, "t", fds);
}

}  // namespace
}  // namespace fcvm::test

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const bool guest = words.size() >= 5 && words.front() == "guest";
  const auto done = guest ? fcvm::test::run_guest(words) : fcvm::test::open_for_test(words.back());
  if (done) std::_Exit(0);  // the echo threads have no end
  (void)std::fprintf(stderr, "fake_guest: %s\n", done.error().message().c_str());
  return 1;
}
