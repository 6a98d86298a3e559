// A program that passes for QEMU before the plugin: it speaks QMP on descriptor 3, is the guest's
// end of the multiplexer on descriptor 4, and maps descriptor 5 as QEMU maps its RAM. Guest ports:
// 7 echoes, 8 floods, 9 reads nothing, 10 makes it crash, 11 powers the guest off, 12 breaks the
// protocol, 13 never answers, 14 says "bye" and ends; 15 writes to RAM; 16 breaks the protocol
// again and again, 17 sends frames that say nothing, both as fast as they are read; 18 writes
// megabytes to the console and to stderr; nobody listens on the others. Its last argument says how
// it misbehaves.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <set>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/wire/mux.hpp"

namespace {

using fcvm::wire::Mux;
using fcvm::wire::MuxStreamId;

constexpr int kQmp = 3;
constexpr int kPort = 4;
constexpr int kMemory = 5;
constexpr int kConsole = 9;
std::string mode;
char* ram = nullptr;
std::size_t ram_size = 0;

/// What the fake has for device state, and the word in RAM that goes with it.
constexpr char kState[] = "the fake's device state";
constexpr char kWord[] = "the fake's RAM";

void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(kQmp, text.data(), text.size()) < 0) std::exit(3);
}

void write_much() {
  std::string line(1023, 'm');
  line += '\n';
  for (const int to : {kConsole, STDERR_FILENO}) {
    for (int i = 0; i < 8192; ++i) {
      if (::write(to, line.data(), line.size()) < 0) std::exit(3);
    }
  }
}

struct Guest : fcvm::wire::MuxEvents {
  Mux* mux = nullptr;
  std::map<MuxStreamId, std::uint32_t> ports;
  std::map<MuxStreamId, std::string> echoes;
  std::set<MuxStreamId> ended;
  std::string flood = std::string(100'000, 'f');
  std::string noise;  // for the port itself, without end

  void opened(MuxStreamId id, std::uint32_t port) override {
    if (port == 10) __builtin_trap();  // pid 1 of a namespace ignores what it sends itself
    if (port == 11) {
      say(R"({"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}})");
      std::exit(0);
    }
    if (port == 12 && ::write(kPort, std::string(64, 'x').data(), 64) < 0) std::exit(3);
    if (port == 13) return;
    if (port == 18) write_much();
    if (port == 16) noise = std::string(64 << 10, 'x');
    if (port == 17) noise = std::string(64 << 10, '\0');  // frames of the type "nothing"
    if (port == 15) std::strcpy(ram + ram_size - 4096, "changed");
    const bool known = port == 7 || port == 8 || port == 9 || port == 14;
    if (!known) return mux->refuse(id);
    ports[id] = port;
    mux->accept(id);
    if (port == 8) writable(id);
    if (port == 14) {
      (void)mux->send(id, std::string_view("bye"));
      mux->finish(id);
    }
  }
  void data(MuxStreamId id, std::span<const char> bytes) override {
    if (ports[id] == 9) return;
    if (ports[id] == 7) echoes[id].append(bytes.data(), bytes.size());
    pump(id);
  }
  void pump(MuxStreamId id) {
    std::string& echo = echoes[id];
    const std::size_t sent = mux->send(id, echo);
    echo.erase(0, sent);
    mux->consumed(id, sent);
    if (echo.empty() && ended.count(id) != 0) mux->finish(id);
  }
  void eof(MuxStreamId id) override {
    ended.insert(id);
    if (ports[id] == 7) pump(id);
  }
  void reset(MuxStreamId id) override { echoes.erase(id); }
  void writable(MuxStreamId id) override {
    if (ports[id] == 7) pump(id);
    while (ports[id] == 8 && mux->send(id, flood) != 0) {
    }
  }
};

/// As QEMU does: it opens the file anew by its path, and maps it shared.
void map_ram() {
  const std::string path = "/proc/self/fd/" + std::to_string(kMemory);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) std::exit(4);
  ram_size = static_cast<std::size_t>(status.st_size);
  void* mapped = ::mmap(nullptr, ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) {
    std::perror("qemu: unable to map backing store for guest RAM");
    std::exit(1);
  }
  ram = static_cast<char*>(mapped);
}

void send_state(int socket) {
  std::strcpy(ram + 4096, kWord);
  const std::string state = mode == "endless" ? std::string(1 << 20, 's') : std::string(kState);
  do {
    if (::send(socket, state.data(), state.size(), MSG_NOSIGNAL) < 0) break;
  } while (mode == "endless");
  ::close(socket);
}

void receive_state(int socket) {
  std::string state;
  char buffer[256];
  for (ssize_t count = 0; (count = ::read(socket, buffer, sizeof buffer)) > 0;) {
    state.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(socket);
  const bool right = state == kState && std::strcmp(ram + 4096, kWord) == 0;
  if (right && mode != "bad-state") return;
  std::fputs("qemu: error while loading state for instance 0x0 of device 'ram'\n", stderr);
  std::exit(1);
}

/// Came with getfd, for the migration that follows.
int state_socket = -1;

void migrate(bool incoming) {
  if (incoming) {
    receive_state(state_socket);
  } else if (mode == "state-fails") {
    ::close(state_socket);
  } else {
    send_state(state_socket);
  }
  const char* status = mode == "state-fails" ? "failed" : "completed";
  say(R"({"event":"MIGRATION","data":{"status":")" + std::string(status) + "\"}}");
}

std::string value_for(const std::string& line) {
  static std::string left = "268435456";
  if (line.find("\"balloon\"") != std::string::npos) {
    const auto at = line.rfind(':') + 1;
    left = line.substr(at, line.find('}', at) - at);
  }
  if (line.find("\"query-balloon\"") != std::string::npos) return R"({"actual":)" + left + "}";
  if (line.find("\"query-migrate\"") != std::string::npos) return R"({"error-desc":"disk full"})";
  if (line.find("\"qom-get\"") != std::string::npos) {
    return R"({"last-update":5,"stats":{"stat-total-memory":1000,"stat-free-memory":600,)"
           R"("stat-swap-in":18446744073709551615}})";
  }
  return "{}";
}

void answer(const std::string& line) {
  const auto at = line.find("\"id\":");
  if (at == std::string::npos) return;
  const int id = std::atoi(line.c_str() + at + 5);
  if (mode == "mute" && line.find("\"stop\"") != std::string::npos) return;
  const bool fails = mode == "no-balloon" && line.find("\"balloon\"") != std::string::npos;
  const std::string value = value_for(line);
  say((fails ? R"({"error":{"class":"DeviceNotActive","desc":"no balloon"},"id":)"
             : R"({"return":)" + value + R"(,"id":)") +
      std::to_string(id) + "}");
  if (line.find("\"migrate\"") != std::string::npos) migrate(false);
  if (line.find("\"migrate-incoming\"") != std::string::npos) migrate(true);
  if (line.find("\"balloon\"") != std::string::npos) {
    say(R"({"event":"BALLOON_CHANGE","data":{"actual":)" + line.substr(line.rfind(':') + 1));
  }
}

/// Bytes of the monitor, and the descriptor among them if there is one.
ssize_t read_monitor(std::string& buffer) {
  iovec bytes{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = ::recvmsg(kQmp, &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr) std::memcpy(&state_socket, CMSG_DATA(header), sizeof state_socket);
  return count;
}

void serve() {
  Guest guest;
  Mux mux(Mux::Role::kGuest, guest);
  guest.mux = &mux;
  std::string qmp;
  std::string buffer(65536, '\0');
  for (;;) {
    const short out = mux.output().empty() && guest.noise.empty() ? 0 : POLLOUT;
    pollfd fds[2] = {{kQmp, POLLIN, 0}, {kPort, static_cast<short>(POLLIN | out), 0}};
    ::poll(fds, 2, -1);
    if (fds[0].revents != 0) {
      const ssize_t count = read_monitor(buffer);
      if (count <= 0) return;
      qmp.append(buffer, 0, static_cast<std::size_t>(count));
      for (auto end = qmp.find('\n'); end != std::string::npos; end = qmp.find('\n')) {
        answer(qmp.substr(0, end));
        qmp.erase(0, end + 1);
      }
    }
    if ((fds[1].revents & POLLIN) != 0) {
      const ssize_t count = ::read(kPort, buffer.data(), buffer.size());
      if (count <= 0) return;
      mux.receive({buffer.data(), static_cast<std::size_t>(count)});
    }
    const auto bytes = mux.output();
    if (bytes.empty() && !guest.noise.empty()) {
      [[maybe_unused]] const ssize_t ignored =
          ::send(kPort, guest.noise.data(), guest.noise.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (bytes.empty()) continue;
    const ssize_t count = ::send(kPort, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) mux.written(static_cast<std::size_t>(count));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (std::strcmp(argv[argc - 1], "--version") == 0) {
    std::puts("QEMU emulator version 8.1.2 (fake)");
    return 0;
  }
  mode = argv[argc - 1];
  if (mode == "die") {
    std::fputs("qemu: could not load kernel 'kernel': it is not a kernel\n", stderr);
    return 1;
  }
  for (int i = 1; mode == "blames-sandbox" && i < argc; ++i) {
    if (std::strcmp(argv[i], "-sandbox") != 0) continue;
    std::fputs("what a guest made it say: -sandbox\n", stderr);
    return 1;
  }
  if (mode == "hang") ::pause();
  map_ram();
  const char* minor = mode == "old" ? "4" : "8";
  say(R"({"QMP":{"version":{"qemu":{"micro":2,"minor":1,"major":)" + std::string(minor) +
      R"(},"package":""},"capabilities":["oob"]}})");
  serve();
  return 0;
}
