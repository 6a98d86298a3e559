#include "core/vm/client/byte_pump.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "core/base/io/fd.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kRoom = 128 << 10;

/// One direction: what was read and waits to be written.
struct Direction {
  int from;
  int to;
  std::string waiting{};
  std::size_t written = 0;
  bool ended = false;  // no more comes
  bool shut = false;   // and the other side knows it

  [[nodiscard]] bool reads() const { return !ended && waiting.size() < kRoom; }
  [[nodiscard]] bool writes() const { return !waiting.empty(); }

  // False when the connection broke, as are the others.
  bool read() {
    const std::size_t had = waiting.size();
    waiting.resize(had + kRoom);
    const ssize_t got = ::recv(from, waiting.data() + had, kRoom, MSG_DONTWAIT);
    waiting.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) ended = true;
    return got >= 0 || errno == EAGAIN || errno == EINTR;
  }
  bool write() {
    const ssize_t sent =
        ::send(to, waiting.data() + written, waiting.size() - written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    written += static_cast<std::size_t>(sent);
    if (written == waiting.size()) {
      waiting.clear();
      written = 0;
    }
    return true;
  }
  bool step(short from_events, short to_events) {
    if (reads() && from_events != 0 && !read()) return false;
    if (writes() && (to_events != 0 || written == 0) && !write()) return false;
    if (ended && waiting.empty() && !std::exchange(shut, true)) ::shutdown(to, SHUT_WR);
    return true;
  }
};

/// A socket of which nothing is wanted must not wake the loop by its hang-up.
pollfd wanted(int fd, const Direction& in, const Direction& out) {
  const short events = static_cast<short>((in.reads() ? POLLIN : 0) | (out.writes() ? POLLOUT : 0));
  return {events == 0 ? -1 : fd, events, 0};
}

}  // namespace

bool pump_bytes(int a, int b, std::string early, int stop_fd) {
  Direction forth{a, b};
  Direction back{b, a, std::move(early)};
  while (!forth.shut || !back.shut) {
    std::array<pollfd, 3> polled = {wanted(a, forth, back), wanted(b, back, forth),
                                    pollfd{stop_fd, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return false;
    if (polled[2].revents != 0) return false;
    if (!forth.step(polled[0].revents, polled[1].revents) ||
        !back.step(polled[1].revents, polled[0].revents)) {
      return false;
    }
  }
  return true;
}

}  // namespace fcvm::vm
