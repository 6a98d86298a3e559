// Both ends of small conversations, for tests of networks: static, so that it also runs in a guest.
//
//   net_peer echo PORT [loopback]     TCP and UDP, IPv4 and IPv6: sends back what comes
//   net_peer send PORT FILE           TCP: every connection gets the file
//   net_peer shell PORT               TCP on the loopback: every connection gets a shell
//   net_peer ask tcp|udp ADDRESS PORT TEXT
//                                     sends TEXT, prints the answer; fails when none comes in 10 s.
//                                     Its half stays open: old pastas repeat answers otherwise
//   net_peer fetch ADDRESS PORT       prints what the other side sends until it ends
//   net_peer talk ADDRESS PORT        stdin and stdout over TCP, with half-close
#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr int kPatienceMs = 10'000;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  Address(const char* text, const char* port) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    const auto number = htons(static_cast<std::uint16_t>(std::atoi(port)));
    if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = number;
      size = sizeof *v4;
    } else if (::inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = number;
      size = sizeof *v6;
    } else {
      std::fprintf(stderr, "%s is not an address\n", text);
      std::exit(2);
    }
  }
  [[nodiscard]] const sockaddr* generic() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// -1 where there is no such family.
int serve_on(const Address& address, int type) {
  const int fd = ::socket(address.storage.ss_family, type, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.storage.ss_family == AF_INET6) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(fd, address.generic(), address.size) != 0) {
    if (errno == EADDRNOTAVAIL) return -1;
    die("bind");
  }
  if (type == SOCK_STREAM && ::listen(fd, 64) != 0) die("listen");
  return fd;
}

void write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t done = ::write(fd, bytes, size);
    if (done < 0) std::exit(1);
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
}

void echo_connection(int fd) {
  char bytes[65536];
  for (ssize_t got = 0; (got = ::read(fd, bytes, sizeof bytes)) > 0;) {
    write_all(fd, bytes, static_cast<std::size_t>(got));
  }
}

void echo_datagram(int fd) {
  char bytes[65536];
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const ssize_t got =
      ::recvfrom(fd, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got < 0) return;
  ::sendto(fd, bytes, static_cast<std::size_t>(got), 0, reinterpret_cast<sockaddr*>(&from), size);
}

template <typename Serve>
void in_child(int listener, Serve serve) {
  const int connection = ::accept(listener, nullptr, nullptr);
  if (connection < 0) return;
  if (::fork() == 0) {
    serve(connection);
    ::_exit(0);
  }
  ::close(connection);
}

int run_echo(const char* port, bool loopback) {
  std::vector<pollfd> polled;
  for (const char* address : {loopback ? "127.0.0.1" : "0.0.0.0", loopback ? "::1" : "::"}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      const int fd = serve_on(Address(address, port), type);
      if (fd >= 0) polled.push_back({fd, POLLIN, 0});
    }
  }
  for (;;) {
    ::poll(polled.data(), polled.size(), -1);
    for (const pollfd& one : polled) {
      int type = 0;
      socklen_t size = sizeof type;
      ::getsockopt(one.fd, SOL_SOCKET, SO_TYPE, &type, &size);
      if (one.revents == 0) continue;
      type == SOCK_STREAM ? in_child(one.fd, echo_connection) : echo_datagram(one.fd);
    }
  }
}

int run_send(const char* port, const char* file) {
  const int listener = serve_on(Address("0.0.0.0", port), SOCK_STREAM);
  for (;;) {
    in_child(listener, [file](int connection) {
      const int from = ::open(file, O_RDONLY);
      if (from < 0) die(file);
      while (::sendfile(connection, from, nullptr, 1 << 20) > 0) {
      }
    });
  }
}

int run_shell(const char* port) {
  const int listener = serve_on(Address("127.0.0.1", port), SOCK_STREAM);
  for (;;) {
    in_child(listener, [](int connection) {
      for (const int to : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(connection, to);
      ::close(connection);
      std::signal(SIGCHLD, SIG_DFL);
      std::signal(SIGPIPE, SIG_DFL);
      ::execl("/bin/sh", "sh", static_cast<char*>(nullptr));
    });
  }
}

int connect_to(const char* address, const char* port, int type) {
  const Address to(address, port);
  const int fd = ::socket(to.storage.ss_family, type, 0);
  if (fd < 0 || ::connect(fd, to.generic(), to.size) != 0) die("connect");
  return fd;
}

int run_ask(bool udp, const char* address, const char* port, const std::string& text) {
  const int fd = connect_to(address, port, udp ? SOCK_DGRAM : SOCK_STREAM);
  write_all(fd, text.data(), text.size());
  std::string answer;
  char bytes[65536];
  pollfd wait{fd, POLLIN, 0};
  while (answer.size() < text.size()) {
    if (::poll(&wait, 1, kPatienceMs) <= 0) break;
    const ssize_t got = ::read(fd, bytes, sizeof bytes);
    if (got <= 0) break;
    answer.append(bytes, static_cast<std::size_t>(got));
  }
  std::printf("%s\n", answer.c_str());
  return answer.empty() ? 1 : 0;
}

int run_fetch(const char* address, const char* port) {
  const int fd = connect_to(address, port, SOCK_STREAM);
  char bytes[65536];
  for (;;) {
    const ssize_t got = ::read(fd, bytes, sizeof bytes);
    if (got < 0) die("read");
    if (got == 0) return 0;
    write_all(STDOUT_FILENO, bytes, static_cast<std::size_t>(got));
  }
}

int run_talk(const char* address, const char* port) {
  const int fd = connect_to(address, port, SOCK_STREAM);
  pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};
  char bytes[65536];
  for (;;) {
    ::poll(polled, 2, -1);
    if (polled[0].revents != 0) {
      const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
      if (got > 0) write_all(fd, bytes, static_cast<std::size_t>(got));
      if (got <= 0) {
        ::shutdown(fd, SHUT_WR);
        polled[0].fd = -1;
        polled[0].revents = 0;
      }
    }
    if (polled[1].revents == 0) continue;
    const ssize_t got = ::read(fd, bytes, sizeof bytes);
    if (got < 0) die("read");
    if (got == 0) return 0;
    write_all(STDOUT_FILENO, bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "echo" && argc > 2) return run_echo(argv[2], argc > 3);
  if (what == "send" && argc == 4) return run_send(argv[2], argv[3]);
  if (what == "shell" && argc == 3) return run_shell(argv[2]);
  if (what == "ask" && argc == 6) {
    return run_ask(std::string(argv[2]) == "udp", argv[3], argv[4], argv[5]);
  }
  if (what == "fetch" && argc == 4) return run_fetch(argv[2], argv[3]);
  if (what == "talk" && argc == 4) return run_talk(argv[2], argv[3]);
  std::fprintf(stderr, "net_peer: see the head of its source\n");
  return 2;
}
