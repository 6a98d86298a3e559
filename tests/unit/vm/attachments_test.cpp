#include "core/vm/guest/attachments.hpp"

#include <chrono>
#include <sys/socket.h>

#include "core/base/io/socket_pair.hpp"
#include "core/wire/output.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kCredit = 256 << 10;

/// A pump's part, turn by turn, and a client at the other end.
struct Scene {
  std::unique_ptr<base::Loop> loop = must(base::Loop::create());
  Attachments attachments{};
  StdinFeed feed{};
  std::vector<std::pair<bool, int>> signals{};
  int detached = 0;
  int hung_up = 0;
  int resized = 0;

  FrameLink add(bool own) {
    auto ends = base::SocketPair::create();
    REQUIRE(ends);
    REQUIRE(attachments.add(std::move(ends->first), own));
    return {std::move(ends->second), wire::FrameBuffer(1 << 20)};
  }
  void turn() {
    attachments.watch(*loop);
    must(loop->step(base::Deadline::in(std::chrono::seconds(0))));
    Attachments::Callbacks callbacks;
    callbacks.on_signal = [this](bool own, int number) { signals.emplace_back(own, number); };
    callbacks.on_detach = [this] { ++detached; };
    callbacks.on_hang_up = [this] { ++hung_up; };
    callbacks.on_resize = [this](wire::Resize) { ++resized; };
    attachments.handle(feed, callbacks);
  }
  template <typename Message>
  void say(FrameLink& client, const Message& message) {
    client.send(message);
    REQUIRE(client.flush());
    turn();
  }
  void type(FrameLink& client, std::string_view bytes) {
    client.send_raw(wire::kExecStdin, bytes);
    REQUIRE(client.flush());
    turn();
  }
};

/// The next frame's type, 0 when there is none, -1 at the end.
int next(FrameLink& client) {
  const auto open = client.read();
  const auto frame = client.next();
  REQUIRE(frame);
  if (*frame) return (*frame)->type;
  return open && *open ? 0 : -1;
}

/// All that goes to the guest, as `stdin` and, for its end, "$".
std::string fed(StdinFeed& feed) {
  REQUIRE(feed.on_attached(0, 1 << 20));
  std::string all;
  for (std::string bytes; !(bytes = feed.take()).empty();) {
    wire::FrameBuffer buffer(1 << 20);
    buffer.append(bytes);
    const auto frame = buffer.next();
    const auto data = wire::decode_stream_data(**frame);
    all += data ? std::string(data->bytes) : "$";
  }
  return all;
}

TEST_CASE("output waits for the one who runs the container, and for no one else") {
  Scene scene;
  FrameLink other = scene.add(false);
  scene.turn();
  CHECK(scene.attachments.idle());
  FrameLink own = scene.add(true);
  scene.turn();
  CHECK_FALSE(scene.attachments.idle());
  scene.attachments.begin(false, false);
  scene.turn();
  CHECK(scene.attachments.idle());
  scene.attachments.write(wire::kExecStdout, "hello");
  for (FrameLink* client : {&own, &other}) {
    CHECK(next(*client) == Attached::kType);
    CHECK(next(*client) == wire::kExecStdout);
    CHECK(next(*client) == 0);
  }
}

TEST_CASE("a client that reads nothing holds the output back") {
  Scene scene;
  FrameLink slow = scene.add(false);
  scene.attachments.begin(false, false);
  scene.turn();
  const std::string block(64 << 10, 'x');
  std::size_t written = 0;
  while (scene.attachments.idle()) {
    scene.attachments.write(wire::kExecStdout, block);
    written += block.size();
    REQUIRE(written < 64 << 20);
  }
  while (!scene.attachments.idle()) {
    REQUIRE(slow.read());
    scene.turn();
  }
  while (next(slow) > 0) {
  }
}

TEST_CASE("stdin of several clients goes in, with credit for what was passed on") {
  Scene scene;
  FrameLink one = scene.add(true);
  FrameLink two = scene.add(false);
  scene.attachments.begin(false, true);
  scene.turn();
  scene.type(one, "one ");
  scene.type(two, "two ");
  scene.attachments.grant(scene.feed);
  CHECK(next(one) == Attached::kType);
  CHECK(next(one) == 0);
  scene.say(two, wire::ExecStdinEnd{});
  CHECK(fed(scene.feed) == "one two $");
  scene.attachments.grant(scene.feed);
  scene.turn();
  CHECK(next(one) == wire::ExecCredit::kType);
}

TEST_CASE("who looks in on a terminal does not end it, and who runs it does") {
  Scene scene;
  FrameLink own = scene.add(true);
  FrameLink other = scene.add(false);
  scene.attachments.begin(true, true);
  scene.turn();
  scene.say(other, wire::ExecStdinEnd{});
  scene.type(own, "exit");
  CHECK(fed(scene.feed) == "exit");
  scene.say(own, wire::ExecStdinEnd{});
  CHECK(fed(scene.feed) == "exit$");
  scene.say(other, wire::Resize{24, 80});
  CHECK(scene.resized == 1);
}

TEST_CASE("leaving and going without a word are told apart") {
  Scene scene;
  scene.attachments.begin(true, true);
  {
    FrameLink other = scene.add(false);
    scene.turn();
  }
  scene.turn();
  CHECK(scene.hung_up == 0);
  {
    FrameLink own = scene.add(true);
    scene.turn();
    own.send(wire::ExecSignal{15});
    own.send(wire::ExecDetach{});
    REQUIRE(own.flush());
  }
  scene.attachments.write(wire::kExecStdout, "to nobody");
  scene.turn();
  CHECK(scene.signals == std::vector<std::pair<bool, int>>{{true, 15}});
  CHECK(scene.detached == 1);
  CHECK(scene.hung_up == 0);
  { FrameLink own = scene.add(true); }
  scene.turn();
  CHECK(scene.hung_up == 1);
}

TEST_CASE("a client that breaks the rules is let go, and nobody else") {
  Scene scene;
  scene.attachments.begin(false, true);
  FrameLink good = scene.add(false);
  FrameLink greedy = scene.add(false);
  FrameLink wild = scene.add(false);
  FrameLink garbled = scene.add(false);
  scene.turn();
  scene.type(greedy, std::string(kCredit, 'x'));
  scene.type(greedy, "x");
  scene.say(wild, wire::ExecSignal{9999});
  garbled.send_bytes(std::string(16, '\xff'));
  REQUIRE(garbled.flush());
  scene.turn();
  for (FrameLink* client : {&greedy, &wild, &garbled}) {
    CHECK(next(*client) == Attached::kType);
    CHECK(next(*client) == -1);
  }
  scene.attachments.end(wire::ExecExit{3});
  CHECK(next(good) == Attached::kType);
  CHECK(next(good) == wire::ExecExit::kType);
  CHECK(next(good) == -1);
}

TEST_CASE("a container without stdin takes none") {
  Scene scene;
  scene.attachments.begin(false, false);
  FrameLink client = scene.add(false);
  scene.turn();
  scene.type(client, "x");
  CHECK(next(client) == Attached::kType);
  CHECK(next(client) == -1);
}

}  // namespace
}  // namespace fcvm::vm
