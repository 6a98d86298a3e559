// fcvm-forward's control socket: ports come and go, rubbish is refused, and its end is the end.
#include <random>

#include "tests/contract/net_forward/forwarder.hpp"
#include "tests/support/shell_code.hpp"

using namespace fcvm;
using namespace fcvm::test;

namespace {

/// Whether a connection still goes through it from end to end.
void check_works(Forwarder& forwarder, std::uint32_t id) {
  const base::Fd server = forwarder.guest_listens();
  const auto joined = join(forwarder.publish(server, id), server);
  send_text(joined.client, "ping");
  CHECK(receive_text(joined.server, 4) == "ping");
}

}  // namespace

TEST_CASE("a port that is taken back is free at once, and its connections go on") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(server, 5);
  const auto joined = join(port, server);
  REQUIRE(forwarder.remove(5) == 0);
  CHECK(try_connect("127.0.0.1", port) == ECONNREFUSED);
  const base::Fd again = listen_at("127.0.0.1", port);
  send_text(joined.client, "still here");
  CHECK(receive_text(joined.server, 10) == "still here");
  CHECK(forwarder.remove(5) == 0);  // twice is harmless
}

TEST_CASE("a UDP port that is taken back ends its sessions") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_udp();
  base::Fd bound = udp_at("127.0.0.1");
  const std::uint16_t port = port_of(bound);
  const std::size_t before = forwarder.open_files();
  REQUIRE(forwarder.add(1, port_of(server), {bound.get()}) == 0);
  const base::Fd client = connect_to("127.0.0.1", port, SOCK_DGRAM);
  send_text(client, "hello");
  CHECK(receive_text(server, 5) == "hello");
  bound.reset();
  REQUIRE(forwarder.remove(1) == 0);
  const base::Fd again = udp_at("127.0.0.1", port);
  CHECK(forwarder.open_files() == before);
}

TEST_CASE("what makes no sense is refused, and changes nothing") {
  Forwarder forwarder;
  const base::Fd listener = listen_at("127.0.0.1");
  const std::vector<int> one = {listener.get()};
  const std::size_t before = forwarder.open_files();
  CHECK(forwarder.add(1, 0, one) == EINVAL);
  CHECK(forwarder.add(1, 80, {}) == EINVAL);
  CHECK(forwarder.add(1, 65535, {listener.get(), listener.get()}) == EINVAL);
  CHECK(forwarder.add(UINT32_MAX, 80, one) == EINVAL);

  forward::Request unknown;
  unknown.verb = static_cast<forward::Verb>(77);
  CHECK(forwarder.ask(unknown) == EPROTO);
  CHECK(forwarder.ask(unknown, one) == EPROTO);
  forward::Request too_few;
  too_few.verb = forward::Verb::kAdd;
  too_few.guest_port = 80;
  too_few.count = 2;
  CHECK(forwarder.ask(too_few, one) == EINVAL);

  const auto pair = must(base::SocketPair::create());
  CHECK(forwarder.add(1, 80, {pair.first.get()}) == EINVAL);
  const base::Fd file = must(base::open_file("/dev/null", O_RDONLY));
  CHECK(forwarder.add(1, 80, {file.get()}) == EINVAL);
  const base::Fd deaf = make_socket(AF_INET, SOCK_STREAM);
  CHECK(forwarder.add(1, 80, {deaf.get()}) == EINVAL);
  // All or nothing: the good one before the bad one is taken back.
  CHECK(forwarder.add(1, 80, {listener.get(), deaf.get()}) == EINVAL);
  CHECK(forwarder.open_files() == before);

  CHECK(forwarder.add(1, 80, one) == 0);
  CHECK(forwarder.add(1, 80, one) == EEXIST);
  check_works(forwarder, 2);
}

TEST_CASE("rubbish is answered with an error") {
  Forwarder forwarder;
  const std::size_t before = forwarder.open_files();
  std::mt19937 random(7);
  const base::Fd listener = listen_at("127.0.0.1");
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(1 + random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    // Half of them look right at the beginning, so that more than the first check is met.
    if (i % 2 == 0 && bytes.size() >= 4) std::memcpy(bytes.data(), &forward::kMagic, 4);
    if (i % 4 == 0) bytes.resize(sizeof(forward::Request));
    if (bytes.size() > 11) bytes[11] = 0x7f;  // no verb that there is
    const std::vector<int> sockets(random() % 4, listener.get());
    must(base::send_fds(forwarder.control().get(), bytes, sockets));
    const auto reply = forwarder.next_reply();
    REQUIRE(reply.error != 0);
  }
  CHECK(forwarder.open_files() == before);
  check_works(forwarder, 1);
}

TEST_CASE("any request that can be written is survived") {
  Forwarder forwarder;
  std::mt19937 random(11);
  const base::Fd tcp = listen_at("127.0.0.1");
  const base::Fd udp = udp_at("127.0.0.1");
  for (int i = 0; i < 2000; ++i) {
    forward::Request request;
    request.verb = static_cast<forward::Verb>(random() % 4);
    request.id = random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : random() % 16;
    request.guest_port = static_cast<std::uint16_t>(random());
    request.count = static_cast<std::uint16_t>(random() % 5);
    std::vector<int> sockets;
    for (std::size_t n = random() % 4; n > 0; --n) {
      sockets.push_back(random() % 2 == 0 ? tcp.get() : udp.get());
    }
    forwarder.ask(request, sockets);
  }
  check_works(forwarder, 1'000'000);
}

TEST_CASE("it ends with its control socket") {
  Forwarder forwarder;
  const base::Fd server = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(server);
  const auto joined = join(port, server);
  forwarder.control().reset();
  const auto ended = forwarder.process().wait(base::Deadline::in(std::chrono::seconds(60)));
  REQUIRE(ended);
  CHECK(ended->success());
  CHECK(at_end(joined.client));
  CHECK(try_connect("127.0.0.1", port) == ECONNREFUSED);
}

TEST_CASE("it says what is wrong with how it was started") {
  const auto status_of = [](std::vector<std::string> words) {
    base::SpawnOptions options;
    options.argv = std::move(words);
    options.argv.insert(options.argv.begin(), must(net::helper_program("fcvm-forward")));
    options.stderr_fd = base::kDevNull;
    auto child = must(base::spawn(options));
    return shell_code(must(child.wait(base::Deadline::in(std::chrono::seconds(60)))));
  };
  CHECK(status_of({}) == 125);
  CHECK(status_of({"localhost"}) == 125);
  CHECK(status_of({"--udp-idle-ms=soon", "127.0.0.1"}) == 125);
  CHECK(status_of({"127.0.0.1"}) == 125);  // no control socket
}
