// A guest that says one thing on its first stream, and is not there any more after that.
#pragma once

#include <cstdint>
#include <linux/sockios.h>
#include <mutex>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/deadline.hpp"
#include "core/base/io/socket_pair.hpp"
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

  /// Until all that it said was read, and a moment longer; or was refused. Not for long, since the
  /// other side may rest.
  void wait() const {
    for (int i = 0; i < 500; ++i) {
      pollfd closed{sockets_.first.get(), 0, 0};
      if (::poll(&closed, 1, 0) != 0) return;
      int unread = 0;
      if (::ioctl(sockets_.first.get(), SIOCOUTQ, &unread) != 0 || unread == 0) break;
      ::usleep(200);
    }
    ::usleep(1000);
  }

 private:
  std::mutex mutex_;
  base::SocketPair sockets_;
};

}  // namespace fcvm::fuzz
