// What clients of `fcvm attach` could send: two of them, the second of which runs the container.
// The first byte says how the input is divided, and whether the container has a terminal and a
// stdin.
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "core/base/io/socket_pair.hpp"
#include "core/vm/guest/attachments.hpp"
#include "core/vm/guest/stdin_feed.hpp"

namespace {

using namespace fcvm;

/// What a client may have in flight is what it has credit for.
constexpr std::size_t kMostUnsent = std::size_t{4} << 20;

/// A client that has said all it ever says.
base::Fd say_everything(vm::Attachments& attachments, std::string_view bytes, bool own) {
  auto sockets = *base::SocketPair::create();
  [[maybe_unused]] const ssize_t sent =
      ::send(sockets.first.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  static_cast<void>(attachments.add(std::move(sockets.second), own));
  return std::move(sockets.first);
}

void turn(base::Loop& loop, vm::Attachments& attachments, vm::StdinFeed& feed,
          const vm::Attachments::Callbacks& callbacks) {
  attachments.watch(loop);
  if (!loop.step(base::Deadline::at_ns(0))) std::abort();
  attachments.handle(feed, callbacks);
  if (feed.unsent() > kMostUnsent) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto ignored = ::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(ignored);
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t cut = bytes.size() * data[1] / 255;
  const auto loop = *base::Loop::create();
  vm::Attachments attachments;
  vm::StdinFeed feed;
  const vm::Attachments::Callbacks callbacks{[](bool, int) {}, [] {}, [] {}, [](wire::Resize) {}};
  base::Fd looker = say_everything(attachments, bytes.substr(0, cut), false);
  base::Fd owner = say_everything(attachments, bytes.substr(cut), true);
  turn(*loop, attachments, feed, callbacks);
  attachments.begin((data[0] & 1) != 0, (data[0] & 2) != 0);
  if (!feed.on_attached(0, 1 << 20)) std::abort();
  for (int i = 0; i < 8; ++i) {
    turn(*loop, attachments, feed, callbacks);
    attachments.write(wire::kExecStdout, "output");
    static_cast<void>(feed.take());
    attachments.grant(feed);
    if (i == 4 && (data[0] & 4) != 0) owner = base::Fd();
  }
  attachments.end(wire::ExecExit{0, 0});
  return 0;
}
