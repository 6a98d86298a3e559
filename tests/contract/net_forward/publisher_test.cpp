// The Publisher: what it publishes, when, and that nothing is left of it.
#include <csignal>
#include <filesystem>
#include <set>

#include "core/base/io/pipe.hpp"
#include "core/base/process/process_id.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/contract/net_forward/machine.hpp"

using namespace fcvm;
using namespace fcvm::test;

TEST_CASE("a port leads from the VM's own address to the guest") {
  Machine machine;
  const base::Fd server = machine.guest_listens();
  must(machine.reserve({wanted(kPort, port_of(server))}));
  CHECK(machine.publisher.host_address().rfind("127.20.", 0) == 0);
  must(machine.start());
  check_forwards(machine.publisher.host_address(), kPort, server);
  const auto ports = machine.publisher.list();
  REQUIRE(ports.size() == 1);
  CHECK(ports[0].address == machine.publisher.host_address());
  CHECK(ports[0].host_port == kPort);
  CHECK(ports[0].guest_port == port_of(server));
}

TEST_CASE("a client may come before the forwarder is there") {
  Machine machine;
  const base::Fd server = machine.guest_listens();
  must(machine.reserve({wanted(kPort, port_of(server))}));
  const base::Fd client = connect_to(machine.publisher.host_address(), kPort);
  send_text(client, "early");
  must(machine.start());
  CHECK(receive_text(accept_from(server), 5) == "early");
}

TEST_CASE("the forwarder runs where the VM does, without any privilege") {
  Machine machine;
  auto ready = must(base::Pipe::create());
  base::SpawnOptions options;
  options.argv = {"unshare", "--user", "--map-root-user",     "--net",
                  "sh",      "-c",     "echo; exec sleep 600"};
  options.stdout_fd = ready.write_end.get();
  const auto holder = must(base::spawn(options));
  char newline = 0;
  REQUIRE(::read(ready.read_end.get(), &newline, 1) == 1);
  const auto user = must(base::Namespace::of_process(holder.pid(), base::NamespaceKind::kUser));
  const auto net = must(base::Namespace::of_process(holder.pid(), base::NamespaceKind::kNet));

  must(machine.reserve({wanted(kPort, 80)}));
  must(machine.publisher.start({user.fd(), net.fd(), "10.0.2.100/24", "fd00::100/64"},
                               machine.call));
  const pid_t forwarder = machine.forwarder();
  const auto its_net = must(base::Namespace::of_process(forwarder, base::NamespaceKind::kNet));
  CHECK(must(its_net.same_as(net)));
  const auto status = must(base::read_file("/proc/" + std::to_string(forwarder) + "/status"));
  CHECK(status.find("CapEff:\t0000000000000000") != std::string::npos);
  CHECK(status.find("CapPrm:\t0000000000000000") != std::string::npos);
  CHECK(status.find("NoNewPrivs:\t1") != std::string::npos);
  // In a user namespace of one user there is nobody else to be.
  const auto users = must(base::read_file("/proc/self/uid_map"));
  if (users.find(" 4294967295") != std::string::npos) {
    CHECK(status.find("Uid:\t0\t") == std::string::npos);
  }
}

TEST_CASE("two VMs have two addresses, also for one id and the same port") {
  Machine one;
  Machine two;
  const base::Fd first = one.guest_listens();
  const base::Fd second = two.guest_listens();
  must(one.reserve({wanted(kPort, port_of(first))}));
  must(two.reserve({wanted(kPort, port_of(second))}));
  CHECK(one.publisher.host_address() != two.publisher.host_address());
  must(one.start());
  must(two.start());
  check_forwards(one.publisher.host_address(), kPort, first);
  check_forwards(two.publisher.host_address(), kPort, second);
}

TEST_CASE("addresses are each taken once, and free again with their owner") {
  must(enter_own_network());
  std::vector<net::LoopbackAddress> taken;
  std::set<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    taken.push_back(must(net::LoopbackAddress::take("one and the same")));
    texts.insert(taken.back().text());
  }
  CHECK(texts.size() == 300);
  const std::string first = taken.front().text();
  taken.clear();
  CHECK(must(net::LoopbackAddress::take("one and the same")).text() == first);
}

TEST_CASE("ports come and go while the VM runs") {
  Machine machine;
  const base::Fd server = machine.guest_listens();
  const std::uint16_t guest_port = port_of(server);
  CHECK_FALSE(machine.publisher.publish(wanted(kPort, guest_port), machine.call));  // too early
  must(machine.reserve({}));
  must(machine.start());
  CHECK(must(machine.publisher.health()) == -1);  // no port, no process
  must(machine.publisher.publish(wanted(kPort, guest_port), machine.call));
  must(machine.publisher.publish(wanted(kPort, guest_port, "::1"), machine.call));
  must(machine.publisher.publish(wanted(kPort, 53, nullptr, FCVM_PROTO_UDP), machine.call));
  const std::string own = machine.publisher.host_address();
  check_forwards(own, kPort, server);
  check_forwards("::1", kPort, server);
  CHECK(machine.publisher.list().size() == 3);

  const auto twice = machine.publisher.publish(wanted(kPort, 1), machine.call);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code() == EADDRINUSE);

  must(machine.publisher.unpublish(wanted(kPort, guest_port), machine.call));
  CHECK(try_connect(own, kPort) == ECONNREFUSED);
  check_forwards("::1", kPort, server);
  const auto gone = machine.publisher.unpublish(wanted(kPort, guest_port), machine.call);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code() == ENOENT);
  must(machine.publisher.publish(wanted(kPort, guest_port), machine.call));
  check_forwards(own, kPort, server);
}

TEST_CASE("ranges, and parts of them") {
  Machine machine;
  constexpr std::uint16_t kCount = 300;  // more than one message carries
  must(machine.reserve({wanted(20'000, 30'000, nullptr, FCVM_PROTO_TCP, kCount)}));
  must(machine.start());
  const std::string own = machine.publisher.host_address();
  const base::Fd first = machine.guest_listens(30'000);
  const base::Fd last = machine.guest_listens(30'000 + kCount - 1);
  check_forwards(own, 20'000, first);
  check_forwards(own, 20'000 + kCount - 1, last);

  // A range in the way of which something is: none of it is published.
  const auto overlapping =
      machine.publisher.publish(wanted(19'990, 40'000, nullptr, FCVM_PROTO_TCP, 20), machine.call);
  REQUIRE_FALSE(overlapping);
  CHECK(try_connect(own, 19'990) == ECONNREFUSED);
  // A part whose guest ports are others.
  CHECK_FALSE(machine.publisher.unpublish(wanted(20'000, 30'001), machine.call));

  must(machine.publisher.unpublish(wanted(20'100, 30'100, nullptr, FCVM_PROTO_TCP, 100),
                                   machine.call));
  CHECK(machine.publisher.list().size() == kCount - 100);
  CHECK(try_connect(own, 20'100) == ECONNREFUSED);
  CHECK(try_connect(own, 20'199) == ECONNREFUSED);
  check_forwards(own, 20'000, first);
  check_forwards(own, 20'000 + kCount - 1, last);
}

TEST_CASE("the end of the forwarder is noticed, and said") {
  Machine machine;
  must(machine.reserve({wanted(kPort, 80)}));
  must(machine.start());
  const int watch = must(machine.publisher.health());
  REQUIRE(::kill(machine.forwarder(), SIGKILL) == 0);
  must(machine.call.wait(watch, POLLIN));
  const auto health = machine.publisher.health();
  REQUIRE_FALSE(health);
  CHECK(health.error().message().find("signal 9") != std::string::npos);
  const auto more = machine.publisher.publish(wanted(kPort + 1, 80), machine.call);
  REQUIRE_FALSE(more);
  CHECK(more.error().message().find("fcvm-forward) is gone") != std::string::npos);
  CHECK(try_connect(machine.publisher.host_address(), kPort) == ECONNREFUSED);
  CHECK(try_connect(machine.publisher.host_address(), kPort + 1) == ECONNREFUSED);
}

TEST_CASE("stop gives everything back, and may come twice or first") {
  Machine machine;
  machine.publisher.stop();
  must(machine.reserve({wanted(kPort, 80)}));
  const std::string own = machine.publisher.host_address();
  must(machine.start());
  const pid_t pid = machine.forwarder();
  machine.publisher.stop();
  machine.publisher.stop();
  CHECK((::kill(pid, 0) != 0 && errno == ESRCH));
  CHECK(machine.publisher.list().empty());
  CHECK(machine.publisher.host_address().empty());
  CHECK(listen_at(own, kPort).valid());
  must(machine.reserve({wanted(kPort, 80)}));
  CHECK(machine.publisher.host_address() == own);
  must(machine.start());
}

TEST_CASE("a start that cannot be has left nothing") {
  Machine machine;
  must(machine.reserve({wanted(kPort, 80)}));
  const std::string own = machine.publisher.host_address();
  machine.cancel.cancel();
  const auto started = machine.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == ECANCELED);
  CHECK(must(machine.publisher.health()) == -1);
  CHECK(try_connect(own, kPort) == ECONNREFUSED);
}

TEST_CASE("nothing outlives an owner that was killed") {
  Machine machine;
  const base::Fd server = machine.guest_listens();
  auto said = must(base::Pipe::create());
  auto hold = must(base::Pipe::create());
  const std::string vm =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(machine.vm.fd());
  base::SpawnOptions options;
  const auto own = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  options.argv = {own / "forward_runner",          vm,          "127.0.0.1",
                  std::to_string(port_of(server)), "127.0.0.1", std::to_string(kPort)};
  options.stdin_fd = hold.read_end.get();
  options.stdout_fd = said.write_end.get();
  auto owner = must(base::spawn(options));
  said.write_end.reset();
  char line[32] = {};
  REQUIRE(::read(said.read_end.get(), line, sizeof line - 1) > 0);
  const auto forwarder = must(base::identify(std::atoi(line)));
  check_forwards("127.0.0.1", kPort, server);

  must(owner.signal(SIGKILL));
  must(owner.wait());
  for (int i = 0; i < 3000 && forwarder.alive(); ++i) ::usleep(10'000);
  CHECK_FALSE(forwarder.alive());
  CHECK(try_connect("127.0.0.1", kPort) == ECONNREFUSED);
}
