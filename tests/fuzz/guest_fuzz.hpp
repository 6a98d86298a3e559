// A guest that says one thing on its first stream, and is not there any more after that.
#pragma once

#include <cstdint>
#include <mutex>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "core/base/deadline.hpp"
#include "core/base/socket_pair.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/message.hpp"

namespace fcvm::fuzz {

class OnceGuest {
 public:
  /// After a hello of its own, unless what it says is to be all.
  OnceGuest(std::string_view bytes, bool polite) : sockets_(*base::SocketPair::create()) {
    std::string all = polite ? wire::encode(wire::Hello{}) : std::string();
    all += bytes;
    [[maybe_unused]] const ssize_t sent =
        ::send(sockets_.first.get(), all.data(), all.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(sockets_.first.get(), SHUT_WR);
  }

  /// From any thread.
  Result<base::Fd> dial(std::uint32_t, base::Deadline) {
    const std::lock_guard lock(mutex_);
    if (sockets_.second) return std::move(sockets_.second);
    return fail(ECONNREFUSED, "dialling the guest");
  }

  /// Until what was dialled is closed again, having been read to its end or refused; not for long,
  /// since the other side may rest.
  void wait() const {
    pollfd closed{sockets_.first.get(), 0, 0};
    ::poll(&closed, 1, 300);
  }

 private:
  std::mutex mutex_;
  base::SocketPair sockets_;
};

}  // namespace fcvm::fuzz
