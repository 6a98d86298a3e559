// The guest that is only played: what is behind the fake's vsock socket. Ports: 7 echoes, 10 makes
// the VMM crash, 11 powers the guest off, 13 never answers, 14 says "bye" and ends; nobody listens
// on the others.
#include <csignal>
#include <cstdlib>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/unix_socket.hpp"
#include "tests/support/fake_firecracker/machine.hpp"

namespace fake {

namespace {

int asked_port(int fd) {
  std::string line;
  for (char byte = 0; ::read(fd, &byte, 1) == 1 && byte != '\n';) line += byte;
  return line.rfind("CONNECT ", 0) == 0 ? std::atoi(line.c_str() + 8) : -1;
}

void say(int fd, const std::string& text) {
  (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

void await_hearing() {
  while (vsock.muted) ::usleep(1000);
}

/// A stream of another life ends when something is sent on it, and not before.
void echo(int fd) {
  const unsigned life = vsock.life;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;) {
    await_hearing();
    if (life != vsock.life) return;
    say(fd, std::string(buffer, static_cast<std::size_t>(count)));
  }
}

void play(fcvm::Fd fd) {
  const int port = asked_port(fd.get());
  await_hearing();
  if (port == 10) __builtin_trap();  // pid 1 of a namespace ignores what it sends itself
  if (port == 11) ::_exit(0);
  if (port == 13) ::pause();
  if (port != 7 && port != 14) return;
  say(fd.get(), "OK 1073741824\n");
  if (port == 14) say(fd.get(), "bye");
  if (port == 7) echo(fd.get());
}

}  // namespace

bool serve_vsock(const std::string& path) {
  auto listener = fcvm::base::listen_unix(path);
  if (!listener) return false;
  std::thread([held = std::move(*listener)] {
    while (auto client = fcvm::base::accept_connection(held.get())) {
      std::thread(play, *std::move(client)).detach();
    }
  }).detach();
  return true;
}

void start_guest(const Json& /*config*/, const Json& /*metadata*/) {}
void set_guest_paused(bool /*paused*/) {}

}  // namespace fake
