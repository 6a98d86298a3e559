// What every net plugin promises, on a host of the test's own with a fake guest.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>

#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/net/address.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/contract/net/network.hpp"
#include "tests/contract/net/server.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

using fcvm::test::Contains;

/// What a TCP and a UDP client in the guest hear there.
std::string ask(FakeGuest& guest, const std::string& address, std::uint16_t number) {
  return guest.ask_stream(address, number) + guest.ask_datagram(address, number);
}
std::string twice(const std::string& line) { return line + "\n" + line + "\n"; }

void echoes(Network& network) {
  base::Fd stream;
  REQUIRE(network.dial(FCVM_PROTO_TCP, kEcho, stream) == 0);
  CHECK((::fcntl(stream.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(stream.get(), F_GETFL) & O_NONBLOCK) == 0);
  CHECK(exchange(stream, "by stream", 9) == "by stream");
  base::Fd datagrams;
  REQUIRE(network.dial(FCVM_PROTO_UDP, kEcho, datagrams) == 0);
  CHECK(exchange(datagrams, "by datagram", 11) == "by datagram");
}

void attaches_and_detaches(const Backend& backend) {
  Network network(backend);
  base::Fd none;
  CHECK(network.dial(FCVM_PROTO_TCP, kEcho, none) == -ENOTCONN);
  CHECK(network.detach() == 0);
  for (int round = 0; round < 2; ++round) {
    const int attached = network.attach({});
    INFO(network.message());
    REQUIRE(attached == 0);
    const auto& given = network.attachment();
    CHECK((::fcntl(network.net_namespace(), F_GETFD) & FD_CLOEXEC) != 0);
    const auto mac = base::MacAddress::parse(given.mac);
    REQUIRE(mac);
    CHECK(mac->is_unicast());
    const auto guest = base::IpPrefix::parse(given.guest_ipv4);
    REQUIRE(guest);
    CHECK(guest->contains(*base::IpAddress::parse(given.gateway_ipv4)));
    CHECK_FALSE(std::string(given.tap).empty());
    if (backend.has_ipv6) CHECK(base::IpPrefix::parse(given.guest_ipv6));
    int watch = -1;
    CHECK(network.health(watch) == 0);
    CHECK(network.detach() == 0);
    CHECK(network.detach() == 0);
    CHECK(network.health(watch) < 0);
  }
}

void is_attached_once(const Backend& backend) {
  Network network(backend);
  REQUIRE(network.attach({}) == 0);
  CHECK(network.attach({}) == -EBUSY);
  FakeGuest guest(network);
  echoes(network);
}

void dials(const Backend& backend) {
  Network network(backend);
  REQUIRE(network.attach({}) == 0);
  FakeGuest guest(network);
  echoes(network);
  base::Fd none;
  CHECK(network.dial(FCVM_PROTO_TCP, 8, none) == -ECONNREFUSED);
  CHECK(network.dial(FCVM_PROTO_TCP, 0, none) == -EINVAL);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        base::Fd stream;
        char back[2] = {};
        failures += network.dial(FCVM_PROTO_TCP, kEcho, stream) != 0 ||
                    !base::write_all(stream.get(), "hi") || !base::read_exact(stream.get(), back);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
}

/// The tap has no guest: nobody answers.
void gives_up_dialling_in_time(const Backend& backend) {
  Network network(backend);
  REQUIRE(network.attach({}) == 0);
  base::Fd none;
  CHECK(network.dial(FCVM_PROTO_TCP, kEcho, none, 300) == -ETIMEDOUT);
  std::thread canceler([&] {
    ::usleep(200'000);
    network.cancel();
  });
  CHECK(network.dial(FCVM_PROTO_TCP, kEcho, none) == -ECANCELED);
  canceler.join();
  {
    FakeGuest guest(network);
    echoes(network);
  }
  // A network that goes takes dials with it.
  std::thread detacher([&] {
    ::usleep(200'000);
    (void)network.detach();
  });
  CHECK(network.dial(FCVM_PROTO_TCP, kEcho, none, kLongMs) < 0);
  detacher.join();
  CHECK(children_of(::getpid()).empty());
}

void reaches_out(const Backend& backend, Environment& host) {
  Network network(backend);
  REQUIRE(network.attach({}) == 0);
  FakeGuest guest(network);
  const Server outside4(host.outside_ipv4(), "outside by IPv4");
  const Server outside6(host.outside_ipv6(), "outside by IPv6");
  if (backend.reaches_outside_v4) {
    CHECK(ask(guest, kOutsideIpv4, kOutsidePort) == twice("outside by IPv4"));
  }
  if (backend.has_ipv6) CHECK(ask(guest, kOutsideIpv6, kOutsidePort) == twice("outside by IPv6"));
  // Dialling while the guest talks: neither may lead the other's packets astray.
  echoes(network);
  if (backend.reaches_outside_v4) {
    CHECK(ask(guest, kOutsideIpv4, kOutsidePort) == twice("outside by IPv4"));
  }
}

void reaches_the_hosts_loopback(const Backend& backend) {
  if (!backend.reaches_host_loopback) return;
  const Server server("127.0.0.1", 4001, "the loopback");
  {
    Network network(backend);
    REQUIRE(network.attach({}) == 0);
    FakeGuest guest(network);
    CHECK(ask(guest, network.attachment().host_gateway, 4001) == twice("the loopback"));
  }
  Network closed(backend);
  Request request;
  request.flags |= FCVM_NET_NO_HOST_LOOPBACK;
  REQUIRE(closed.attach(request) == 0);
  CHECK(std::string(closed.attachment().host_gateway).empty());
  FakeGuest guest(closed);
  const auto tried =
      guest.shell("timeout 2 bash -c 'exec 3<>/dev/tcp/" +
                  std::string(closed.attachment().gateway_ipv4) + "/4001 && cat <&3'");
  CHECK(tried.code != 0);
  CHECK(tried.text.find("the loopback") == std::string::npos);
}

void publishes(const Backend& backend) {
  Network first(backend);
  Network second(backend);
  Request request;
  request.publish = {port(4080, FCVM_PROTO_TCP), port(4080, FCVM_PROTO_UDP)};
  const int attached = first.attach(request);
  INFO(first.message());
  REQUIRE(attached == 0);
  request.vm_id = "another";
  REQUIRE(second.attach(request) == 0);
  const std::string address = first.attachment().host_address;
  CHECK(address != std::string(second.attachment().host_address));
  FakeGuest guest(first);
  CHECK(through(address, 4080, FCVM_PROTO_TCP) == "published");
  CHECK(through(address, 4080, FCVM_PROTO_UDP) == "published");
  const auto later = port(4081, FCVM_PROTO_TCP);
  CHECK(first.publish(later) == 0);
  CHECK(first.publish(later) == -EADDRINUSE);
  CHECK(through(address, 4081, FCVM_PROTO_TCP) == "published");
  CHECK(first.unpublish(later) == 0);
  CHECK(first.unpublish(later) == -ENOENT);
  CHECK(through(address, 4081, FCVM_PROTO_TCP).empty());
  REQUIRE(first.detach() == 0);
  CHECK(through(address, 4080, FCVM_PROTO_TCP).empty());
}

void refuses_a_taken_port(const Backend& backend) {
  const Server taken(kHostIpv4, 4082, "taken");
  Network network(backend);
  Request request;
  request.publish = {port(4083, FCVM_PROTO_TCP, kHostIpv4), port(4082, FCVM_PROTO_TCP, kHostIpv4)};
  CHECK(network.attach(request) == -EADDRINUSE);
  CHECK_THAT(network.message(), Contains("4082"));
  request.publish.pop_back();
  CHECK(network.attach(request) == 0);
}

Request as_before(const fcvm_net_attachment& given, const std::string& vm_id) {
  Request request;
  request.vm_id = vm_id;
  request.flags |= FCVM_NET_REATTACH;
  request.mac = given.mac;
  request.ipv4 = given.guest_ipv4;
  request.ipv6 = given.guest_ipv6;
  request.mtu = given.mtu;
  return request;
}

void keeps_a_guests_addresses(const Backend& backend, Environment& host) {
  const Server outside4(host.outside_ipv4(), "outside");
  const Server outside6(host.outside_ipv6(), "outside");
  const char* reached = backend.reaches_outside_v4 ? kOutsideIpv4 : kOutsideIpv6;
  Network source(backend);
  REQUIRE(source.attach({}) == 0);
  FakeGuest guest(source);
  CHECK(ask(guest, reached, kOutsidePort) == twice("outside"));
  const fcvm_net_attachment given = source.attachment();
  // Two clones beside their source, each with what the snapshot has inside.
  Network clone(backend);
  Network other(backend);
  const int attached = clone.attach(as_before(given, "clone"));
  INFO(clone.message());
  REQUIRE(attached == 0);
  REQUIRE(other.attach(as_before(given, "other")) == 0);
  for (Network* one : {&clone, &other}) {
    CHECK(std::string(one->attachment().mac) == given.mac);
    CHECK(std::string(one->attachment().guest_ipv4) == given.guest_ipv4);
    CHECK(std::string(one->attachment().gateway_ipv4) == given.gateway_ipv4);
    CHECK(std::string(one->attachment().guest_ipv6) == given.guest_ipv6);
  }
  // The very guest goes on in the fresh network, knowing nothing of it.
  guest.move_to(clone);
  REQUIRE(source.detach() == 0);
  echoes(clone);
  CHECK(ask(guest, reached, kOutsidePort) == twice("outside"));
  FakeGuest beside(other);
  echoes(other);
  CHECK(ask(beside, reached, kOutsidePort) == twice("outside"));
}

void refuses_what_it_cannot_give(const Backend& backend) {
  Network network(backend);
  const auto refused = [&](const Request& request, int code) {
    CHECK(network.attach(request) == code);
    CHECK_FALSE(network.message().empty());
  };
  Request request;
  request.mac = "nonsense";
  refused(request, -EINVAL);
  request.mac = "01:00:5e:00:00:01";
  refused(request, -EINVAL);
  request.mac = "02:00:00:00:00:42";
  request.ipv4 = "8.8.8.8/24";
  refused(request, -EINVAL);
  CHECK_FALSE(network.remedy().empty());
  request.ipv4 = "10.0.2";
  refused(request, -EINVAL);
  request.ipv4.clear();
  request.flags |= FCVM_NET_REATTACH;
  refused(request, -EINVAL);
  request.flags &= ~FCVM_NET_REATTACH;
  INFO(network.message());
  REQUIRE(network.attach(request) == 0);
  CHECK(std::string(network.attachment().mac) == "02:00:00:00:00:42");
}

void gives_up_attaching_in_time(const Backend& backend) {
  Network network(backend);
  CHECK(network.attach({}, 1) == -ETIMEDOUT);
  CHECK(children_of(::getpid()).empty());
  REQUIRE(network.attach({}) == 0);
}

/// The owner is this very program, which attaches and is then killed.
void leaves_nothing_when_killed(const Backend& backend) {
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  const auto files = base::TempDir::create();
  REQUIRE(files);
  const std::string state_file = files->path() + "/state";
  base::SpawnOptions options;
  options.argv = {"/proc/self/exe", "an owner to be killed"};
  options.environment = {{"FCVM_TEST_INSIDE=1", "FCVM_TEST_BACKEND=" + backend.name,
                          "PATH=" + std::string(::getenv("PATH")),
                          "FCVM_TEST_PASTA=" + std::string(pasta_to_test()),
                          "FCVM_TEST_LEASES=" + lease_directory(), "FCVM_TEST_STATE=" + state_file,
                          "ASAN_OPTIONS=detect_leaks=0"}};
  options.stdout_fd = pipe->write_end.get();
  auto owner = base::spawn(options);
  REQUIRE(owner);
  pipe->write_end.reset();
  std::string line;
  while (line.rfind("attached ", 0) != 0) {  // Catch says something first
    line.clear();
    for (char byte = 0; byte != '\n'; line += byte) {
      REQUIRE(base::read_exact(pipe->read_end.get(), {&byte, 1}));
    }
  }
  const auto helpers = children_of(owner->pid());
  const auto in_use = std::stoull(line.substr(9));
  // An ordinary user cannot look into the namespaces of helpers that forbid it.
  REQUIRE((!helpers.empty() || namespace_in_use(in_use)));
  REQUIRE(owner->signal(SIGKILL));
  REQUIRE(owner->wait());
  const auto deadline = base::Deadline::in(std::chrono::seconds(120));
  const auto any_left = [&] {
    for (const pid_t pid : helpers) {
      if (::kill(pid, 0) == 0) return true;
    }
    return namespace_in_use(in_use);
  };
  while (any_left() && !deadline.expired()) ::usleep(10'000);
  CHECK_FALSE(any_left());
  MemoryState state = read_state(state_file);
  CHECK(Network(backend, &state).recover() == 0);
  CHECK(state.entries.empty());
}

void promises(const Backend& backend, Environment& host) {
  INFO(backend.name);
  attaches_and_detaches(backend);
  is_attached_once(backend);
  dials(backend);
  gives_up_dialling_in_time(backend);
  reaches_out(backend, host);
  reaches_the_hosts_loopback(backend);
  publishes(backend);
  refuses_a_taken_port(backend);
  keeps_a_guests_addresses(backend, host);
  refuses_what_it_cannot_give(backend);
  gives_up_attaching_in_time(backend);
  leaves_nothing_when_killed(backend);
  CHECK(children_of(::getpid()).empty());
}

}  // namespace

TEST_CASE("every net plugin keeps the contract of net/1") {
  Environment* host = Environment::get();
  if (host == nullptr) return;
  for (const Backend& backend : backends()) promises(backend, *host);
}

TEST_CASE("an owner to be killed", "[.]") {
  REQUIRE(Environment::get() != nullptr);
  for (const Backend& backend : backends()) {
    if (backend.name != ::getenv("FCVM_TEST_BACKEND")) continue;
    FileState state(std::getenv("FCVM_TEST_STATE"));
    Network network(backend, &state);
    REQUIRE(network.attach({}) == 0);
    struct stat status {};
    REQUIRE(::fstat(network.net_namespace(), &status) == 0);
    std::printf("attached %llu\n", static_cast<unsigned long long>(status.st_ino));
    std::fflush(stdout);
    ::pause();
  }
}

}  // namespace fcvm::test
