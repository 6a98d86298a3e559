// A host for the agent's services, as simple as can be: blocking, over Unix sockets.
//
// RunningAgent owns an fc-agent process and its directory; Connection owns one stream to it.
#pragma once

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/base/process/spawn.hpp"
#include "core/wire/control.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/forward.hpp"
#include "core/wire/output.hpp"
#include "core/wire/ports.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::tests {

/// A frame with bytes of its own.
struct OwnFrame {
  std::uint16_t type = 0;
  std::string payload;
  [[nodiscard]] wire::Frame view() const { return {type, payload}; }
};

class Connection {
 public:
  explicit Connection(base::Fd socket) : socket_(std::move(socket)) {}

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  template <typename T>
  void say(const T& message) const {
    send(wire::encode(message));
  }
  void say_raw(std::uint16_t type, std::string_view payload) const {
    std::string frame;
    wire::append_frame(frame, type, payload);
    send(frame);
  }

  /// Nothing at the end of the stream, or when nothing comes for `patience`.
  std::optional<OwnFrame> next(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    for (;;) {
      auto frame = buffer_.next();
      if (!frame) return std::nullopt;
      if (frame.value()) return OwnFrame{frame.value()->type, std::string(frame.value()->payload)};
      if (!base::wait_readable(socket_.get(), base::Deadline::in(patience))) return std::nullopt;
      const auto room = buffer_.prepare(256 << 10);
      const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
      if (got <= 0) return std::nullopt;
      buffer_.commit(static_cast<std::size_t>(got));
    }
  }
  /// The next message, which has to be a T.
  template <typename T>
  T expect() {
    const auto frame = next();
    REQUIRE(frame);
    if (frame->type == wire::Refusal::kType && T::kType != wire::Refusal::kType) {
      FAIL("refused: " << wire::decode<wire::Refusal>(frame->view())->message);
    }
    auto message = wire::decode<T>(frame->view());
    REQUIRE(message);
    return *message;
  }
  void greet() {
    say(wire::Hello{});
    static_cast<void>(expect<wire::Hello>());
  }
  std::string read_raw() {
    std::string all = buffer_.take_rest();
    char bytes[65536];
    for (ssize_t got = 0; (got = ::recv(socket_.get(), bytes, sizeof bytes, 0)) > 0;) {
      all.append(bytes, static_cast<std::size_t>(got));
    }
    return all;
  }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  base::Fd socket_;
  wire::FrameBuffer buffer_{4 << 20};
};

/// What agents ran outlives them, as it outlives none in a guest: this process inherits it, and
/// ends it with itself.
class Orphans {
 public:
  Orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~Orphans() {
    for (;;) {
      const auto left = base::read_file("/proc/thread-self/children", 4096);
      if (!left || left->empty()) return;
      ::kill(std::atoi(left->c_str()), SIGKILL);
      ::waitpid(std::atoi(left->c_str()), nullptr, 0);
    }
  }
  Orphans(const Orphans&) = delete;
  Orphans& operator=(const Orphans&) = delete;
};

class RunningAgent {
 public:
  /// `through` is a command that executes the one that follows it.
  explicit RunningAgent(std::vector<std::string> through = {})
      : directory_(*base::TempDir::create()) {
    static const Orphans orphans;
    base::SpawnOptions options;
    options.argv = std::move(through);
    options.argv.insert(options.argv.end(), {FCVM_TEST_AGENT, directory_.path()});
    options.stderr_fd = base::kDevNull;
    agent_.emplace(*base::spawn(options));
    for (int i = 0; i < 1000 && !base::connect_unix(path(wire::kForwardPort)); ++i) {
      ::usleep(5000);
    }
  }

  /// A stream on which the hellos are done.
  [[nodiscard]] Connection dial(std::uint32_t port) const {
    Connection connection = dial_silently(port);
    connection.greet();
    return connection;
  }
  [[nodiscard]] Connection dial_silently(std::uint32_t port) const {
    auto socket = connect(port);
    REQUIRE(socket);
    return Connection(*std::move(socket));
  }
  /// From any thread.
  [[nodiscard]] Result<base::Fd> connect(std::uint32_t port) const {
    return base::connect_unix(path(port));
  }
  base::Child& process() { return *agent_; }

 private:
  [[nodiscard]] std::string path(std::uint32_t port) const {
    return directory_.path() + "/" + std::to_string(port);
  }
  base::TempDir directory_;
  std::optional<base::Child> agent_;
};

struct ExecOutcome {
  std::string out;
  std::string err;
  std::optional<int> code;    // ExecExit
  std::optional<int> failed;  // ExecFailed
  std::string message;
};

inline wire::ExecRequest shell(const std::string& script) {
  wire::ExecRequest request;
  request.id = "test";
  request.place = wire::ExecPlace::kGuest;
  request.command = {"/bin/sh", "-c", script};
  return request;
}

/// Up to go; the stream is then the caller's.
inline Connection begin(const RunningAgent& agent, const wire::ExecRequest& request) {
  Connection connection = agent.dial(wire::kExecPort);
  connection.say(request);
  CHECK(connection.expect<wire::ExecAck>().id == request.id);
  connection.say(wire::ExecGo{request.id});
  return connection;
}

inline ExecOutcome finish(Connection& connection) {
  ExecOutcome outcome;
  while (auto frame = connection.next()) {
    if (frame->type == wire::kExecStdout) outcome.out += frame->payload;
    if (frame->type == wire::kExecStderr) outcome.err += frame->payload;
    if (auto exit = wire::decode<wire::ExecExit>(frame->view())) outcome.code = exit->code;
    if (auto failed = wire::decode<wire::ExecFailed>(frame->view())) {
      outcome.failed = failed->code;
      outcome.message = failed->message;
    }
  }
  return outcome;
}

inline ExecOutcome run(const RunningAgent& agent, const wire::ExecRequest& request) {
  Connection connection = begin(agent, request);
  return finish(connection);
}

}  // namespace fcvm::tests
