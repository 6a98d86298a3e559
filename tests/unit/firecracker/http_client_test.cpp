// The HTTP client before peers that break off, dribble, flood, stall or lie.
#include "plugins/vmm/firecracker/http_client.hpp"

#include <atomic>
#include <functional>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include "core/base/io/fd.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/support/catch.hpp"

using namespace fcvm;
using firecracker::HttpClient;

namespace {

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A peer on a socket of its own; `play` is called with each connection, and its number.
class Peer {
 public:
  using Play = std::function<void(int fd, int number)>;

  explicit Peer(Play play)
      : directory_(*base::TempDir::create()),
        directory_fd_(*base::open_file(directory_.path(), O_RDONLY | O_DIRECTORY)),
        listener_(*base::listen_unix_at(directory_fd_.get(), "api.sock")),
        thread_([this, play = std::move(play)] { run(play); }) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] HttpClient client() const { return {directory_fd_.get(), "api.sock"}; }
  void await_closed(int connections) const {
    while (closed_ < connections) ::usleep(1000);
  }

 private:
  void run(const Play& play) {
    for (int number = 0;; ++number) {
      auto client = base::accept_connection(listener_.get());
      if (!client) return;
      play(client->get(), number);
      client->reset();
      ++closed_;
    }
  }

  base::TempDir directory_;
  base::Fd directory_fd_;
  base::Fd listener_;
  std::atomic<int> closed_{0};
  std::thread thread_;
};

/// False when the other side has gone.
bool say(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// The head of a request; "" at the end.
std::string hear(int fd) {
  std::string head;
  char byte = 0;
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (::read(fd, &byte, 1) != 1) return {};
    head += byte;
  }
  return head;
}

Result<firecracker::Response> ask(HttpClient& client, std::int64_t ms = 20'000) {
  CancelSource nobody;
  const Call call(nobody, monotonic_now() + ms * 1'000'000);
  return client.request("GET", "/x", "", call);
}

}  // namespace

TEST_CASE("a connection serves many requests") {
  std::atomic<int> connections{0};
  const Peer peer([&](int fd, int) {
    ++connections;
    while (!hear(fd).empty()) say(fd, kAnswer);
  });
  {
    auto client = peer.client();
    for (int i = 0; i < 20; ++i) {
      auto response = ask(client);
      REQUIRE(response);
      CHECK(response->body == "hello");
    }
  }
  CHECK(connections == 1);
}

TEST_CASE("a connection that was closed between requests is made anew") {
  const Peer peer([](int fd, int) {
    hear(fd);
    say(fd, kAnswer);
  });
  auto client = peer.client();
  for (int i = 0; i < 5; ++i) {
    CHECK(ask(client));
    peer.await_closed(i + 1);
  }
}

TEST_CASE("a request carries its body and length") {
  std::string head;
  const Peer peer([&](int fd, int) {
    head = hear(fd);
    char body[4];
    if (::recv(fd, body, 4, MSG_WAITALL) == 4) say(fd, kAnswer);
  });
  auto client = peer.client();
  CancelSource nobody;
  const Call call(nobody, monotonic_now() + 20'000'000'000);
  REQUIRE(client.request("PUT", "/y", "{ab}", call));
  CHECK(head.rfind("PUT /y HTTP/1.1\r\nHost: localhost\r\n", 0) == 0);
  CHECK(head.find("Content-Length: 4\r\n") != std::string::npos);
}

TEST_CASE("an answer broken off at any byte is an error, and the next request works") {
  const Peer peer([](int fd, int number) {
    hear(fd);
    say(fd, std::string_view(kAnswer).substr(0, static_cast<std::size_t>(number)));
  });
  auto client = peer.client();
  for (std::size_t cut = 0; cut < kAnswer.size(); ++cut) {
    auto response = ask(client);
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == EPIPE);
  }
  CHECK(ask(client));
}

TEST_CASE("garbage is an error at once") {
  std::uint32_t random = 12345;
  const Peer peer([&](int fd, int) {
    hear(fd);
    std::string bytes(4096, '\0');
    for (char& byte : bytes) {
      random = random * 1664525 + 1013904223;
      byte = static_cast<char>(random >> 24);
    }
    say(fd, bytes);
  });
  auto client = peer.client();
  for (int i = 0; i < 50; ++i) {
    auto response = ask(client);
    REQUIRE_FALSE(response);
    const int code = response.error().code();
    CHECK((code == EPROTO || code == EMSGSIZE || code == EPIPE));
  }
}

TEST_CASE("a hundred megabytes of headers are given up early") {
  std::atomic<std::size_t> sent{0};
  const Peer peer([&](int fd, int) {
    hear(fd);
    say(fd, "HTTP/1.1 200 OK\r\n");
    const std::string header = "X-Long: " + std::string(1000, 'x') + "\r\n";
    while (sent < 100u << 20 && say(fd, header)) sent += header.size();
  });
  auto client = peer.client();
  auto response = ask(client);
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == EMSGSIZE);
  CHECK(sent < 4u << 20);
}

TEST_CASE("a hundred megabytes in one line, as a body or in chunks are given up early") {
  const std::string ways[] = {
      "HTTP/1.1 200 OK\r\nX-Long: ",
      "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  };
  const std::string filler(1000, 'x');
  for (const std::string& way : ways) {
    std::atomic<std::size_t> sent{0};
    const Peer peer([&](int fd, int) {
      hear(fd);
      say(fd, way);
      const bool chunks = way.find("chunked") != std::string::npos;
      const std::string piece = chunks ? "3e8\r\n" + filler + "\r\n" : filler;
      while (sent < 100u << 20 && say(fd, piece)) sent += piece.size();
    });
    auto client = peer.client();
    auto response = ask(client);
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == EMSGSIZE);
    CHECK(sent < 16u << 20);
  }
}

TEST_CASE("a peer that reads nothing is left at the deadline") {
  std::atomic<bool> over{false};
  const Peer peer([&](int, int) {
    while (!over) ::usleep(1000);
  });
  {
    auto client = peer.client();
    CancelSource nobody;
    const Call call(nobody, monotonic_now() + 200'000'000);
    auto response = client.request("PUT", "/x", std::string(8 << 20, 'x'), call);
    REQUIRE_FALSE(response);
    CHECK(response.error().code() == ETIMEDOUT);
  }
  over = true;
}

TEST_CASE("slow bytes do not outlast the deadline") {
  const Peer peer([](int fd, int) {
    hear(fd);
    for (const char byte : kAnswer) {
      if (!say(fd, {&byte, 1})) return;
      ::usleep(20'000);
    }
  });
  auto client = peer.client();
  const auto before = monotonic_now();
  auto response = ask(client, 200);
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == ETIMEDOUT);
  CHECK(monotonic_now() - before < 5'000'000'000);
  CHECK(ask(client)->body == "hello");
}

TEST_CASE("a late answer is not taken for the next one's") {
  const Peer peer([](int fd, int number) {
    hear(fd);
    if (number == 0) ::usleep(300'000);
    say(fd, number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate" : kAnswer);
  });
  auto client = peer.client();
  CHECK_FALSE(ask(client, 50));
  auto response = ask(client);
  REQUIRE(response);
  CHECK(response->body == "hello");
}

TEST_CASE("an answer that nobody asked for costs the connection") {
  std::atomic<bool> answered{false};
  std::atomic<bool> said{false};
  const Peer peer([&](int fd, int number) {
    while (!hear(fd).empty()) {
      say(fd, kAnswer);
      if (number != 0) continue;
      while (!answered) ::usleep(1000);
      say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
      said = true;
    }
  });
  auto client = peer.client();
  const auto first = ask(client);
  answered = true;
  REQUIRE(first);
  while (!said) ::usleep(1000);
  auto response = ask(client);
  REQUIRE(response);
  CHECK(response->body == "hello");
}

TEST_CASE("a peer that never answers is left when the call is canceled") {
  const Peer peer([](int fd, int) {
    hear(fd);
    hear(fd);
  });
  auto client = peer.client();
  CancelSource source;
  const Call call(source, FCVM_NO_DEADLINE);
  std::thread canceler([&] {
    ::usleep(50'000);
    source.cancel();
  });
  auto response = client.request("GET", "/x", "", call);
  canceler.join();
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == ECANCELED);
}

TEST_CASE("a refusal sent before the whole request was read still arrives") {
  const Peer peer([](int fd, int) {
    hear(fd);
    say(fd, "HTTP/1.1 413 \r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo long");
    ::shutdown(fd, SHUT_RD);
  });
  auto client = peer.client();
  CancelSource nobody;
  const Call call(nobody, monotonic_now() + 20'000'000'000);
  auto response = client.request("PUT", "/x", std::string(8 << 20, 'x'), call);
  REQUIRE(response);
  CHECK(response->status == 413);
}

TEST_CASE("a socket that is not there says so") {
  auto directory = base::TempDir::create();
  auto fd = base::open_file(directory->path(), O_RDONLY | O_DIRECTORY);
  HttpClient client(fd->get(), "api.sock");
  auto response = ask(client);
  REQUIRE_FALSE(response);
  CHECK(response.error().code() == ENOENT);
}
