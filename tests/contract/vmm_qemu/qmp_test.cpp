// The monitor's client against a peer that a guest has taken over: whatever it writes, a question
// ends in an answer or an error, in time, and nothing grows.
#include "plugins/vmm/qemu/qmp.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <thread>

#include "core/base/io/fd.hpp"
#include "core/base/io/socket_pair.hpp"
#include "plugins/vmm/qemu/qmp_line.hpp"
#include "tests/support/catch.hpp"

using namespace fcvm;
using namespace fcvm::qemu;
using fcvm::test::Contains;

namespace {

constexpr const char* kGreeting =
    R"({"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7}},"capabilities":[]}})"
    "\n";

/// A peer that writes one thing unasked and another when it was asked, then stays or goes.
class Peer {
 public:
  Peer(std::string unasked, std::string asked, bool stays = true)
      : pair_(*base::SocketPair::create()), qmp_(take_first()) {
    writer_ = std::thread([this, unasked = std::move(unasked), asked = std::move(asked), stays] {
      write(unasked);
      char question[512];
      if (!asked.empty() && ::recv(pair_.second.get(), question, sizeof question, 0) > 0) {
        write(asked);
      }
      if (!stays) ::shutdown(pair_.second.get(), SHUT_RDWR);
    });
    reader_ = std::thread([this] {
      for (bool open = true; open && !done_;) {
        pollfd polled{qmp_.fd(), POLLIN, 0};
        if (::poll(&polled, 1, 10) > 0) open = qmp_.on_readable();
      }
      ::shutdown(qmp_.fd(), SHUT_RDWR);
    });
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    done_ = true;
    reader_.join();
    writer_.join();
  }
  Qmp& qmp() { return qmp_; }

 private:
  Fd take_first() { return std::move(pair_.first); }
  void write(std::string_view left) {
    while (!left.empty()) {
      const ssize_t count = ::send(pair_.second.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  base::SocketPair pair_;
  Qmp qmp_;
  std::atomic<bool> done_{false};
  std::thread writer_;
  std::thread reader_;
};

Result<Version> negotiate(std::string unasked, std::string asked = "", bool stays = true) {
  Peer peer(std::move(unasked), std::move(asked), stays);
  CancelSource nobody;
  const Call call(nobody, monotonic_now() + 1'000'000'000);
  return peer.qmp().negotiate(call);
}

}  // namespace

TEST_CASE("lines of the monitor are understood, or are nothing") {
  CHECK(parse_qmp_line(kGreeting).version.text() == "7.2.22");
  const auto answer = parse_qmp_line(R"({"return":{"actual":5},"id":9})");
  CHECK(answer.kind == QmpLine::kAnswer);
  CHECK(answer.id == 9);
  CHECK(number_in(answer.answer, {"actual"}) == 5);
  CHECK(parse_qmp_line(R"({"error":{"desc":"no"},"id":1})").error == "no");
  CHECK_FALSE(parse_qmp_line(R"({"error":5,"id":1})").error.empty());
  CHECK(parse_qmp_line(R"({"event":"MIGRATION","data":{"status":"failed"}})").text == "failed");
  for (const char* line :
       {"", "[]", "null", "5", "\"QMP\"", "{", "{\"id\":-1}", "{\"id\":\"x\"}", "{\"event\":5}",
        R"({"return":{}})", R"({"event":"OTHER"})", "\xff\xfe", R"({"id":1e99})"}) {
    INFO(line);
    CHECK(parse_qmp_line(line).kind == QmpLine::kNothing);
  }
  CHECK(number_in("[", {"a"}) == 0);
  CHECK(number_in(R"({"a":{"b":-1}})", {"a", "b"}) == 0);
}

TEST_CASE("a monitor that speaks is negotiated with") {
  const auto version = negotiate(kGreeting, "{\"return\":{},\"id\":1}\n");
  REQUIRE(version);
  CHECK(version->text() == "7.2.22");
}

TEST_CASE("a monitor that goes early ended, one that says nothing of use is too late") {
  CHECK(negotiate("", "", false).error().code() == EPIPE);
  CHECK(negotiate(kGreeting, "{", false).error().code() == EPIPE);
  CHECK(negotiate("{\"QMP\":", "", false).error().code() == EPIPE);
  CHECK(negotiate("garbage\n\n x\n").error().code() == ETIMEDOUT);
  CHECK(negotiate(kGreeting, "{\"return\":{},\"id\":77}\n").error().code() == ETIMEDOUT);
}

TEST_CASE("an error is passed on, however long, and cut") {
  const auto refused =
      negotiate(kGreeting, R"({"error":{"desc":")" + std::string(100'000, 'x') + "\"},\"id\":1}\n");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == EPROTO);
  CHECK(refused.error().message().size() < 4096);
}

TEST_CASE("a hundred megabytes without a newline are not kept") {
  CHECK(negotiate(kGreeting, std::string(100 << 20, 'x')).error().code() == EPIPE);
}

TEST_CASE("a line of brackets is not descended into") {
  const std::string deep = std::string(200'000, '[') + "\n";
  CHECK(negotiate(deep + kGreeting, deep + "{\"return\":{},\"id\":1}\n"));
}

TEST_CASE("events without number or sense change nothing") {
  std::string script;
  for (const char* line : {R"({"event":"SHUTDOWN","data":{"reason":{}}})",
                           R"({"event":"MIGRATION","data":{"status":7}})"}) {
    script += std::string(line) + "\n";
  }
  Peer peer(kGreeting, script + "{\"return\":{},\"id\":1}\n");
  CancelSource nobody;
  const Call call(nobody, monotonic_now() + 5'000'000'000);
  REQUIRE(peer.qmp().negotiate(call));
  CHECK(peer.qmp().shutdown_reason().empty());
  const Call soon(nobody, monotonic_now() + 100'000'000);
  CHECK(peer.qmp().await_state(soon).error().code() == ETIMEDOUT);
}
