// fcvm-forward with much to do: many connections, much data, readers who do not read, few files.
#include <fcntl.h>
#include <poll.h>

#include "tests/contract/net_forward/forwarder.hpp"

using namespace fcvm;
using namespace fcvm::test;

namespace {

/// The bytes of a stream, from nothing but their place in it.
class Pattern {
 public:
  void fill(char* into, std::size_t size) {
    for (std::size_t i = 0; i < size; i += sizeof state_) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      std::memcpy(into + i, &state_, sizeof state_);
    }
  }

 private:
  std::uint64_t state_ = 1;
};

/// Sends `total` bytes of the pattern one way, while reading at the other end, and compares.
void transfer(const base::Fd& from, const base::Fd& to, std::size_t total) {
  constexpr std::size_t kPiece = 256 << 10;
  std::string sending(kPiece, '\0');
  std::string expected(kPiece, '\0');
  std::string got(kPiece, '\0');
  Pattern pattern;
  Pattern same_pattern;
  std::size_t sent = 0, unsent = 0, received = 0, expected_to = 0;
  while (received < total) {
    if (sent < total && unsent == 0) {
      pattern.fill(sending.data(), kPiece);
      unsent = kPiece;
    }
    if (unsent > 0) {
      const ssize_t count = ::send(from.get(), sending.data() + (kPiece - unsent), unsent,
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) unsent -= static_cast<std::size_t>(count);
      if (count > 0) sent += static_cast<std::size_t>(count);
    }
    const std::size_t place = received % kPiece;
    if (received == expected_to) {
      same_pattern.fill(expected.data(), kPiece);
      expected_to += kPiece;
    }
    const ssize_t count = ::recv(to.get(), got.data(), kPiece - place, MSG_DONTWAIT);
    if (count < 0) {
      pollfd waiting[] = {{to.get(), POLLIN, 0}, {from.get(), POLLOUT, 0}};
      REQUIRE(::poll(waiting, unsent > 0 ? 2 : 1, 60'000) > 0);
      continue;
    }
    REQUIRE(count > 0);
    const auto size = static_cast<std::size_t>(count);
    REQUIRE(std::memcmp(got.data(), expected.data() + place, size) == 0);
    received += size;
  }
}

void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  INFO("1,000 connections need a hard limit of 6,400 open files (`ulimit -Hn`)");
  REQUIRE(limit.rlim_max >= 6400);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Writes until nothing more is taken for half a second.
std::size_t fill_up(const base::Fd& to) {
  const std::string piece(64 << 10, 'x');
  std::size_t total = 0;
  for (;;) {
    const ssize_t sent = ::send(to.get(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      total += static_cast<std::size_t>(sent);
      continue;
    }
    pollfd waiting = {to.get(), POLLOUT, 0};
    if (::poll(&waiting, 1, 500) == 0) return total;
  }
}

}  // namespace

TEST_CASE("100 MB arrive unchanged, either way") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const auto joined = join(forwarder.publish(listener), listener);
  constexpr std::size_t kTotal = 400 * (256 << 10);
  transfer(joined.client, joined.server, kTotal);
  transfer(joined.server, joined.client, kTotal);
}

TEST_CASE("1,000 connections at once") {
  raise_file_limit();
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(listener);
  std::vector<Joined> all;
  for (int i = 0; i < 1000; ++i) all.push_back(join(port, listener));
  for (std::size_t i = 0; i < all.size(); ++i) send_text(all[i].client, std::to_string(10'000 + i));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string said = receive_text(all[i].server, 5);
    REQUIRE(said == std::to_string(10'000 + i));
    send_text(all[i].server, said);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(receive_text(all[i].client, 5) == std::to_string(10'000 + i));
  }
  // Pipes are for data on its way: idle connections have none.
  CHECK(forwarder.open_files() < 2000 + 100);
  all.clear();
  const auto after = join(port, listener);
  send_text(after.client, "x");
  CHECK(receive_text(after.server, 1) == "x");
}

TEST_CASE("who does not read makes the other side wait, and nobody else") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(listener);
  const auto stuck = join(port, listener);
  const std::size_t taken = fill_up(stuck.server);
  // Four socket buffers of a few MB and a pipe; without back-pressure there is no end.
  CHECK(taken < (64U << 20));

  const auto other = join(port, listener);
  send_text(other.client, "still there?");
  CHECK(receive_text(other.server, 12) == "still there?");

  ::shutdown(stuck.server.get(), SHUT_WR);
  CHECK(receive_text(stuck.client, taken + 1).size() == taken);
}

TEST_CASE("a reset ends a connection that is stuck") {
  Forwarder forwarder;
  const base::Fd listener = forwarder.guest_listens();
  auto stuck = join(forwarder.publish(listener), listener);
  fill_up(stuck.server);
  close_hard(stuck.client);
  const std::string piece(64 << 10, 'x');
  ssize_t sent = 0;
  while (sent >= 0) sent = ::send(stuck.server.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
  CHECK((errno == ECONNRESET || errno == EPIPE));
}

TEST_CASE("with few files to open, clients wait for each other") {
  constexpr rlim_t kFiles = 360;  // of which 320 are kept for other uses: 6 connections
  Forwarder forwarder({"127.0.0.1"}, kFiles);
  const base::Fd listener = forwarder.guest_listens();
  const std::uint16_t port = forwarder.publish(listener);
  std::vector<base::Fd> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect_to("127.0.0.1", port));  // at once: the backlog takes them
    send_text(clients.back(), "hello");
  }
  std::vector<base::Fd> servers;
  for (int i = 0; i < 6; ++i) servers.push_back(accept_from(listener));
  pollfd waiting = {listener.get(), POLLIN, 0};
  CHECK(::poll(&waiting, 1, 300) == 0);
  // Each that ends makes room for the next.
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i >= 6) servers.push_back(accept_from(listener));
    REQUIRE(receive_text(servers[i], 5) == "hello");
    servers[i].reset();
    clients[i].reset();
  }
}
