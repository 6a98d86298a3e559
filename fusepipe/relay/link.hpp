// Link: how a relay's streams come to be. Dials, says hello, and knows which server it is. Owns no
// stream, but can end them all.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "fusepipe/stream/hello.hpp"

namespace fcvm::fusepipe {

class Link {
 public:
  /// A new stream to the server, before its hello.
  using Dial = std::function<Result<base::Fd>()>;

  struct Opened {
    base::Fd stream;
    HelloReply hello;
    bool same_server = true;  // as on the last stream before: it knows the mount's nodes
  };

  explicit Link(Dial dial) : dial_(std::move(dial)) {}

  /// Before the first stream: what the kernel offered.
  Result<void> begin(const fuse_init_in& init);
  Result<Opened> open(Role role, std::uint32_t queue, const Token* server);
  /// The same, again and again for so long: for a stream that broke.
  Result<Opened> reopen(Role role, std::uint32_t queue, const Token& server,
                        std::chrono::milliseconds patience);

  /// Before its stream is closed: stop() has no more to do with it.
  void remove(int stream);

  /// Every stream ends, and none is opened any more.
  void stop();
  [[nodiscard]] bool stopped() const;

 private:
  Dial dial_;
  HelloRequest hello_{};
  mutable std::mutex mutex_;
  std::optional<fuse_init_out> agreed_;
  std::set<int> streams_;
  bool stopped_ = false;
};

}  // namespace fcvm::fusepipe
