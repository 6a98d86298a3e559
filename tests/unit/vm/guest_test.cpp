// The host's side of the conversations with a guest, against guests that break off, lie and stall.
#include <atomic>
#include <csignal>
#include <deque>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/vm/guest/output_pump.hpp"
#include "core/wire/control.hpp"
#include "core/wire/ports.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/recorded_hellos.hpp"
#include "tests/support/must.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

// As fcvm does: whoever writes to a peer that has gone gets an error.
[[maybe_unused]] const auto kIgnoredBefore = std::signal(SIGPIPE, SIG_IGN);

/// The guest's end of one stream.
class FakeGuest {
 public:
  explicit FakeGuest(Fd fd) : fd_(std::move(fd)) {}

  template <typename Message>
  void send(const Message& message) {
    send_bytes(wire::encode(message));
  }
  void send_bytes(const std::string& bytes) {
    [[maybe_unused]] auto sent = base::write_all(fd_.get(), bytes);
  }
  /// False once the host has closed the connection.
  bool try_send_bytes(const std::string& bytes) {
    return base::write_all(fd_.get(), bytes).has_value();
  }
  void send_output(wire::Stream stream, std::uint64_t offset, std::string_view bytes) {
    send_bytes(wire::encode_stream_data({stream, offset, bytes}));
  }
  /// The next message of this type; others are passed over. Nothing at the end.
  template <typename Message>
  std::optional<Message> await() {
    for (;;) {
      auto frame = frames_.next();
      if (!frame) return std::nullopt;
      if (*frame) {
        if ((*frame)->type != Message::kType) continue;
        auto message = wire::decode<Message>(**frame);
        return message ? std::optional(*message) : std::nullopt;
      }
      const auto room = frames_.prepare(4096);
      if (!base::wait_readable(fd_.get(), base::Deadline::in(10s))) return std::nullopt;
      const auto count = base::read_some(fd_.get(), room);
      if (!count || *count == 0) return std::nullopt;
      frames_.commit(*count);
    }
  }
  /// Catch2 belongs to the test's own thread: what is not right here fails when the guests end.
  void check(bool right) { wrong_ = wrong_ || !right; }
  [[nodiscard]] bool was_wrong() const { return wrong_; }

 private:
  bool wrong_ = false;
  Fd fd_;
  wire::FrameBuffer frames_{1 << 20};
};

/// A guest whose every accepted connection is handled by the next script, on a thread.
class Guests {
 public:
  using Script = std::function<void(FakeGuest&)>;
  explicit Guests(std::deque<Script> scripts) : scripts_(std::move(scripts)) {}
  ~Guests() {
    for (auto& thread : threads_) thread.join();
    CHECK_FALSE(wrong_);
  }

  DialGuest dial() {
    return [this](std::uint32_t, base::Deadline) -> Result<Fd> {
      const std::lock_guard lock(mutex_);
      if (scripts_.empty()) return fail(ECONNREFUSED, "nobody listens");
      auto pair = FCVM_TRY(base::SocketPair::create());
      auto script = std::move(scripts_.front());
      scripts_.pop_front();
      threads_.emplace_back([this, script, fd = pair.second.release()] {
        FakeGuest guest{Fd(fd)};
        script(guest);
        if (guest.was_wrong()) wrong_ = true;
      });
      return std::move(pair.first);
    };
  }

 private:
  std::mutex mutex_;
  std::deque<Script> scripts_;
  std::vector<std::thread> threads_;
  std::atomic<bool> wrong_ = false;
};

wire::Event event(std::uint64_t number, wire::EventKind kind) {
  wire::Event made;
  made.number = number;
  made.kind = kind;
  return made;
}

TEST_CASE("guests of other versions are understood, or to be made anew") {
  using namespace fcvm::tests;
  const auto meet = [](std::string_view recorded) {
    auto sockets = *base::SocketPair::create();
    REQUIRE(base::write_all(sockets.second.get(), from_hex(recorded)).has_value());
    return GuestStream::open(std::move(sockets.first), 1024, base::Deadline::in(10s));
  };
  for (const auto recorded : {kHelloOfFirst, kHelloOfNewer}) {
    CHECK(meet(recorded).has_value());
  }
  CHECK(meet(kHelloOfNewer)->peer().abilities == std::vector<std::string>{"future"});
  for (const auto recorded : {kHelloOfOlder, kHelloOfMuchNewer}) {
    const auto refused = meet(recorded);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == EPROTONOSUPPORT);
    CHECK(refused.error().remedy().find("fcvm setup") != std::string::npos);
  }
}

TEST_CASE("a guest of another protocol is refused with what fixes it") {
  Guests guests({[](FakeGuest& guest) {
    wire::Hello hello;
    hello.oldest = hello.newest = wire::kNewestVersion + 7;
    guest.send(hello);
    [[maybe_unused]] auto end = guest.await<wire::Attach>();
  }});
  auto fd = guests.dial()(wire::kControlPort, base::Deadline::never());
  REQUIRE(fd);
  const auto stream = GuestStream::open(*std::move(fd), 4096, base::Deadline::in(10s));
  REQUIRE_FALSE(stream);
  CHECK(stream.error().code() == EPROTONOSUPPORT);
  CHECK(stream.error().remedy().find("fcvm setup") != std::string::npos);
}

TEST_CASE("a frame beyond the limit ends the stream before any memory is taken for it") {
  Guests guests({[](FakeGuest& guest) {
    guest.send(wire::Hello{});
    guest.send_bytes(std::string("\xff\xff\xff\x7f\x01\x00\x00\x00", 8));
    [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
  }});
  auto fd = guests.dial()(wire::kControlPort, base::Deadline::never());
  auto stream = GuestStream::open(*std::move(fd), 4096, base::Deadline::in(10s));
  REQUIRE(stream);
  CHECK(stream->receive(base::Deadline::in(10s)).error().code() == EMSGSIZE);
}

TEST_CASE("events come once and in order, over as many connections as it takes") {
  std::promise<void> all;
  std::vector<std::uint64_t> seen;
  Guests guests({[](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.check(guest.await<wire::Attach>()->after_event == 0);
                   guest.send(event(1, wire::EventKind::kReady));
                   guest.send(event(2, wire::EventKind::kProgress));
                 },
                 [](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.check(guest.await<wire::Attach>()->after_event == 2);
                   guest.send(event(2, wire::EventKind::kProgress));
                   guest.send(event(3, wire::EventKind::kExited));
                   [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
                 }});
  {
    GuestControl control(guests.dial(), [&](const wire::Event& happened) {
      seen.push_back(happened.number);
      if (happened.number == 3) all.set_value();
    });
    REQUIRE(control.connect(base::Deadline::in(10s)));
    REQUIRE(all.get_future().wait_for(10s) == std::future_status::ready);
  }
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("a request gets its own answer, an error its message, a lost one no success") {
  Guests guests({[](FakeGuest& guest) {
    guest.send(wire::Hello{});
    const auto ping = guest.await<wire::Quiesce>();
    guest.send(wire::Done{ping->id + 100, 0, "to somebody else"});
    guest.send(wire::Done{ping->id, 0, ""});
    const auto quiesce = guest.await<wire::Quiesce>();
    guest.send(wire::Done{quiesce->id, EIO, "the disk is gone"});
    [[maybe_unused]] auto lost = guest.await<wire::Quiesce>();
  }});
  GuestControl control(guests.dial(), [](const wire::Event&) {});
  REQUIRE(control.connect(base::Deadline::in(10s)));
  CHECK(control.request(wire::Quiesce{}, base::Deadline::in(10s)));
  CHECK(control.request(wire::Quiesce{}, base::Deadline::in(10s)).error().message() ==
        "in the guest: the disk is gone");
  CHECK(control.request(wire::Quiesce{}, base::Deadline::in(10s)).error().code() == ECONNRESET);
}

TEST_CASE("a request that comes while the stream is dialled again waits for it") {
  Guests guests({[](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   [[maybe_unused]] auto attach = guest.await<wire::Attach>();
                 },
                 [](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   const auto ping = guest.await<wire::Quiesce>();
                   if (ping) guest.send(wire::Done{ping->id, 0, ""});
                   [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
                 }});
  std::promise<void> broken;
  std::promise<void> reachable;
  const auto may_dial = reachable.get_future().share();
  std::atomic<int> dialled = 0;
  const auto dial = [&, really = guests.dial()](std::uint32_t port, base::Deadline deadline) {
    if (++dialled == 2) {
      broken.set_value();
      may_dial.wait();
    }
    return really(port, deadline);
  };
  GuestControl control(dial, [](const wire::Event&) {});
  REQUIRE(control.connect(base::Deadline::in(10s)));
  broken.get_future().wait();
  auto answer = std::async(std::launch::async, [&] {
    return control.request(wire::Quiesce{}, base::Deadline::in(10s));
  });
  CHECK(answer.wait_for(50ms) == std::future_status::timeout);
  reachable.set_value();
  CHECK(answer.get());
}

TEST_CASE("a guest that reads nothing costs a request its deadline, and no more") {
  std::promise<void> over;
  Guests guests({[&](FakeGuest& guest) {
    guest.send(wire::Hello{});
    over.get_future().wait();
  }});
  {
    GuestControl control(guests.dial(), [](const wire::Event&) {});
    REQUIRE(control.connect(base::Deadline::in(10s)));
    wire::Boot boot;
    boot.plan.environment.assign(64, std::string(64 << 10, 'x'));  // more than sockets hold
    CHECK(control.request(boot, base::Deadline::in(100ms)).error().code() == ETIMEDOUT);
  }
  over.set_value();
}

TEST_CASE("a request that cannot be sent keeps no other from its deadline") {
  std::promise<void> over;
  Guests guests({[&](FakeGuest& guest) {
    guest.send(wire::Hello{});
    over.get_future().wait();
  }});
  GuestControl control(guests.dial(), [](const wire::Event&) {});
  REQUIRE(control.connect(base::Deadline::in(10s)));
  wire::Boot boot;
  boot.plan.environment.assign(64, std::string(64 << 10, 'x'));  // more than sockets hold
  auto stuck = std::async(std::launch::async,
                          [&] { return control.request(boot, base::Deadline::in(10s)); });
  std::this_thread::sleep_for(50ms);
  const auto began = std::chrono::steady_clock::now();
  CHECK(control.request(wire::Quiesce{}, base::Deadline::in(100ms)).error().code() == ETIMEDOUT);
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  over.set_value();
  CHECK_FALSE(stuck.get());
}

TEST_CASE("canceled requests fail, later ones as well, and the last is heard all the same") {
  std::promise<void> heard;
  Guests guests({[&](FakeGuest& guest) {
    guest.send(wire::Hello{});
    [[maybe_unused]] auto unanswered = guest.await<wire::Quiesce>();
    heard.set_value();
    const auto ping = guest.await<wire::Quiesce>();
    if (ping) guest.send(wire::Done{ping->id, 0, ""});
    [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
  }});
  GuestControl control(guests.dial(), [](const wire::Event&) {});
  REQUIRE(control.connect(base::Deadline::in(10s)));
  auto waiting = std::async(std::launch::async, [&] {
    return control.request(wire::Quiesce{}, base::Deadline::in(60s));
  });
  heard.get_future().wait();
  control.cancel_requests();
  CHECK(waiting.get().error().code() == ECANCELED);
  CHECK(control.request(wire::Quiesce{}, base::Deadline::in(60s)).error().code() == ECANCELED);
  CHECK(control.last_request(wire::Quiesce{}, base::Deadline::in(10s)));
}

TEST_CASE("a deadline passes while data flows, and a greeting has its own limit") {
  auto flowing = *base::SocketPair::create();
  std::thread talker([fd = flowing.second.get()] {
    FakeGuest guest{Fd(::dup(fd))};
    guest.send(wire::Hello{});
    const std::string frame = wire::encode(wire::StdinLimit{1});
    while (guest.try_send_bytes(frame)) {
    }
  });
  {
    auto stream = GuestStream::open(std::move(flowing.first), 1024, base::Deadline::in(10s));
    REQUIRE(stream);
    const auto deadline = base::Deadline::in(100ms);
    Result<wire::Frame> frame = stream->receive(deadline);
    for (const auto limit = base::Deadline::in(10s); frame && !limit.expired();) {
      frame = stream->receive(deadline);
    }
    REQUIRE_FALSE(frame);
    CHECK(frame.error().code() == ETIMEDOUT);
  }
  talker.join();
  auto greeting = *base::SocketPair::create();
  wire::Hello large;
  large.software = std::string(8 << 10, 'x');
  REQUIRE(base::write_all(greeting.second.get(), wire::encode(large)));
  CHECK(GuestStream::open(std::move(greeting.first), 1 << 20, base::Deadline::in(10s))
            .error()
            .code() == EMSGSIZE);
}

TEST_CASE("output is taken up where it broke off, and a guest that lies about it is not believed") {
  std::promise<void> ended;
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  Guests guests({[](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.check(guest.await<wire::OutputAttach>()->stdout_from == 0);
                   guest.send_output(wire::Stream::kStdout, 0, "first ");
                 },
                 [](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.check(guest.await<wire::OutputAttach>()->stdout_from == 6);
                   guest.send_output(wire::Stream::kStdout, 3, "twice");
                   [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
                 },
                 [](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.check(guest.await<wire::OutputAttach>()->stdout_from == 6);
                   guest.send_output(wire::Stream::kStdout, 6, "second");
                   guest.send(wire::OutputEnd{wire::Stream::kStdout, 12});
                   guest.send(wire::OutputEnd{wire::Stream::kStderr, 0});
                   [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
                 }});
  {
    OutputPump::Sinks sinks;
    sinks.stdout_fd = pipe->write_end.get();
    Attachments attachments;
    OutputPump pump(guests.dial(), attachments, std::move(sinks),
                    {.on_end = [&] { ended.set_value(); }, .on_sink_closed = [] {}});
    must(pump.start());
    pump.guest_is_up();
    REQUIRE(ended.get_future().wait_for(10s) == std::future_status::ready);
  }
  pipe->write_end.reset();
  CHECK(*base::read_all(pipe->read_end.get(), 100) == "first second");
}

TEST_CASE("an end that comes twice, or where the output is not, ends the connection") {
  std::promise<void> ended;
  const auto end = [](wire::Stream stream, std::uint64_t at) {
    return wire::OutputEnd{stream, at};
  };
  const auto refused = [](FakeGuest& guest) { guest.check(!guest.await<wire::Quiesce>()); };
  Guests guests({[&](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.send(end(wire::Stream::kStdout, 5));
                   refused(guest);
                 },
                 [&](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   for (int i = 0; i < 2; ++i) guest.send(end(wire::Stream::kStderr, 0));
                   refused(guest);
                 },
                 [&](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.send(wire::OutputAttached{});
                   guest.send(wire::OutputAttached{});
                   refused(guest);
                 },
                 [&](FakeGuest& guest) {
                   guest.send(wire::Hello{});
                   guest.send_output(wire::Stream::kStdout, 0, "kept");
                   // What ended on an earlier connection is told again on this one.
                   guest.send(end(wire::Stream::kStderr, 0));
                   guest.send(end(wire::Stream::kStdout, 4));
                   [[maybe_unused]] auto over = guest.await<wire::Quiesce>();
                 }});
  Attachments attachments;
  OutputPump pump(guests.dial(), attachments, {},
                  {.on_end = [&] { ended.set_value(); }, .on_sink_closed = [] {}});
  must(pump.start());
  pump.guest_is_up();
  REQUIRE(ended.get_future().wait_for(30s) == std::future_status::ready);
}

TEST_CASE("a guest that sends frames that bring nothing is listened to only now and then") {
  std::atomic<std::size_t> taken{0};
  const auto flood = [&](FakeGuest& guest) {
    guest.send(wire::Hello{});
    guest.send(wire::OutputAttached{});
    std::string many;
    for (int i = 0; i < 1000; ++i) many += wire::encode(wire::StdinLimit{1});
    while (guest.try_send_bytes(many)) taken += many.size();
  };
  Guests guests({flood});
  {
    Attachments attachments;
    OutputPump pump(guests.dial(), attachments, {}, {.on_end = [] {}, .on_sink_closed = [] {}});
    must(pump.start());
    pump.guest_is_up();
    std::this_thread::sleep_for(1s);
  }
  // Sockets and buffers hold some of it; at full speed it would be some hundred MiB.
  CHECK(taken < 8 << 20);
}

/// What it was told, and whether it takes it.
struct ToldLog : OutputLog {
  struct Told {
    std::atomic<int> writes{0};
    std::string text;  // read once the pump has ended
    int failures = 0;
  };
  explicit ToldLog(Told& told) : told_(told) {}
  Result<void> write(LogStream, std::string_view bytes) override {
    ++told_.writes;
    if (told_.writes <= told_.failures) return fail(ENOSPC, "writing a log");
    told_.text += bytes;
    return {};
  }
  Result<void> finish() override { return {}; }

 private:
  Told& told_;
};

TEST_CASE("output in crumbs is taken at a pace") {
  const auto flood = [&](FakeGuest& guest) {
    guest.send(wire::Hello{});
    guest.send(wire::OutputAttached{});
    for (std::uint64_t at = 0;;) {
      std::string many;
      for (int i = 0; i < 1000; ++i) {
        many += wire::encode_stream_data({wire::Stream::kStdout, at++, "x"});
      }
      if (!guest.try_send_bytes(many)) return;
    }
  };
  ToldLog::Told told;
  Guests guests({flood});
  const auto began = std::chrono::steady_clock::now();
  {
    OutputPump::Sinks sinks;
    sinks.log = std::make_unique<ToldLog>(told);
    Attachments attachments;
    OutputPump pump(guests.dial(), attachments, std::move(sinks),
                    {.on_end = [] {}, .on_sink_closed = [] {}});
    must(pump.start());
    pump.guest_is_up();
    std::this_thread::sleep_for(1s);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  CHECK(told.writes > 10'000);
  CHECK(told.writes < 20'000 * (seconds.count() + 1.5));
}

TEST_CASE("a log that failed once is written on") {
  std::promise<void> ended;
  Guests guests({[](FakeGuest& guest) {
    guest.send(wire::Hello{});
    guest.check(guest.await<wire::OutputAttach>().has_value());
    guest.send_output(wire::Stream::kStdout, 0, "lost");
    guest.send_output(wire::Stream::kStdout, 4, "kept");
    guest.send(wire::OutputEnd{wire::Stream::kStdout, 8});
    guest.send(wire::OutputEnd{wire::Stream::kStderr, 0});
    [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
  }});
  ToldLog::Told told;
  told.failures = 1;
  {
    OutputPump::Sinks sinks;
    sinks.log = std::make_unique<ToldLog>(told);
    Attachments attachments;
    OutputPump pump(guests.dial(), attachments, std::move(sinks),
                    {.on_end = [&] { ended.set_value(); }, .on_sink_closed = [] {}});
    must(pump.start());
    pump.guest_is_up();
    REQUIRE(ended.get_future().wait_for(10s) == std::future_status::ready);
  }
  CHECK(told.text == "kept");
}

TEST_CASE("a reader that takes nothing holds the guest back, and does not hold up the end") {
  std::atomic<bool> acknowledged{false};
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  Guests guests({[&](FakeGuest& guest) {
    guest.send(wire::Hello{});
    guest.check(guest.await<wire::OutputAttach>().has_value());
    const std::string block(64 << 10, 'x');
    for (std::uint64_t i = 0; i < 4; ++i) {
      guest.send_output(wire::Stream::kStdout, i * block.size(), block);
    }
    int acks = 0;
    while (guest.await<wire::OutputAck>()) ++acks;
    acknowledged = acks > 1;  // the pipe itself holds 64 KiB
  }});
  const auto began = std::chrono::steady_clock::now();
  {
    OutputPump::Sinks sinks;
    sinks.stdout_fd = pipe->write_end.get();
    Attachments attachments;
    OutputPump pump(guests.dial(), attachments, std::move(sinks),
                    {.on_end = [] {}, .on_sink_closed = [] {}});
    must(pump.start());
    pump.guest_is_up();
    std::this_thread::sleep_for(200ms);
  }
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  CHECK_FALSE(acknowledged);
}

TEST_CASE("a reader that has gone is told of, once, and the rest still reaches the log") {
  std::promise<void> ended;
  std::atomic<int> closed{0};
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  pipe->read_end.reset();
  Guests guests({[](FakeGuest& guest) {
    guest.send(wire::Hello{});
    guest.check(guest.await<wire::OutputAttach>().has_value());
    guest.send_output(wire::Stream::kStdout, 0, "a");
    guest.send_output(wire::Stream::kStdout, 1, "b");
    guest.send(wire::OutputEnd{wire::Stream::kStdout, 2});
    guest.send(wire::OutputEnd{wire::Stream::kStderr, 0});
    [[maybe_unused]] auto end = guest.await<wire::Quiesce>();
  }});
  OutputPump::Sinks sinks;
  sinks.stdout_fd = pipe->write_end.get();
  Attachments attachments;
  OutputPump pump(guests.dial(), attachments, std::move(sinks),
                  {.on_end = [&] { ended.set_value(); }, .on_sink_closed = [&] { ++closed; }});
  must(pump.start());
  pump.guest_is_up();
  REQUIRE(ended.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(closed == 1);
}

}  // namespace
}  // namespace fcvm::vm
