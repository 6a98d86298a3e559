// See cutter.hpp.
#include "tests/contract/fusepipe/cutter.hpp"

#include <array>
#include <sys/socket.h>

#include "core/base/io/unix_socket.hpp"
#include "tests/support/must.hpp"

namespace fcvm::test {

Cutter::Cutter(const std::string& path, std::string server)
    : server_(std::move(server)), listener_(must(base::listen_unix(path))) {
  accepting_ = std::thread([this] { accept(); });
}

Cutter::~Cutter() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  accepting_.join();
  cut();
  for (Pair& pair : pairs_) {
    pair.up.join();
    pair.down.join();
  }
}

void Cutter::accept() {
  for (;;) {
    auto near = base::accept_connection(listener_.get());
    if (!near) return;
    auto far = base::connect_unix(server_);
    if (!far) continue;
    const std::scoped_lock lock(mutex_);
    Pair& pair = pairs_.emplace_back();
    pair.near = std::move(*near);
    pair.far = std::move(*far);
    pair.up = std::thread([this, &pair] { pass(pair.near.get(), pair.far.get(), false); });
    pair.down = std::thread([this, &pair] { pass(pair.far.get(), pair.near.get(), true); });
  }
}

void Cutter::pass(int from, int to, bool answers) {
  std::array<char, 32 << 10> bytes{};
  std::size_t passed = 0;
  for (;;) {
    const ssize_t got = ::recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    auto size = static_cast<std::size_t>(got);
    passed += size;
    // The end of what would be too much is lost, with what comes after it.
    const bool last = answers && passed > budget_;
    if (last) size -= std::min(size, passed - budget_);
    if (::send(to, bytes.data(), size, MSG_NOSIGNAL) < 0 || last) break;
  }
  ::shutdown(from, SHUT_RDWR);
  ::shutdown(to, SHUT_RDWR);
}

std::size_t Cutter::cut() {
  const std::scoped_lock lock(mutex_);
  for (Pair& pair : pairs_) {
    ::shutdown(pair.near.get(), SHUT_RDWR);
    ::shutdown(pair.far.get(), SHUT_RDWR);
  }
  return pairs_.size();
}

}  // namespace fcvm::test
