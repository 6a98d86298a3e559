#include <chrono>
#include <sys/socket.h>
#include <thread>

#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

using std::chrono::milliseconds;

TEST_CASE("requests and answers come back as they were") {
  const auto request = must(decode_request(encode_request({.verb = "stop",
                                                           .signal = 15,
                                                           .grace_ms = 2500,
                                                           .port = 5102,
                                                           .ports = {"1:2", "[::1]:3:4/udp"}})));
  CHECK(request.verb == "stop");
  CHECK(request.signal == 15);
  CHECK(request.grace_ms == 2500);
  CHECK(request.port == 5102);
  CHECK(request.ports == std::vector<std::string>{"1:2", "[::1]:3:4/udp"});
  ControlAnswer answer;
  answer.exit_code = 3;
  answer.record_json = "{\"x\":\"\n\"}";
  answer.stats.cpu_ns = ~std::uint64_t{0};
  const auto back = must(decode_answer(encode_answer(std::move(answer))));
  CHECK(back.exit_code == 3);
  CHECK(back.record_json == "{\"x\":\"\n\"}");
  CHECK(back.stats.cpu_ns == ~std::uint64_t{0});
  const auto failed = decode_answer(encode_answer(fail(ECONNREFUSED, "no\xff", "wait")));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == ECONNREFUSED);
  CHECK(failed.error().message() == "no\xff");
  CHECK(failed.error().remedy() == "wait");
}

TEST_CASE("garbage is an error and nothing worse") {
  std::mt19937 random(5);
  const auto good = encode_request({.verb = "kill", .signal = 9});
  for (int i = 0; i < 3000; ++i) {
    std::string bad = i % 2 == 0 ? random_bytes(random, random() % 60) : good;
    if (i % 2 != 0) bad[random() % bad.size()] = static_cast<char>(random());
    (void)decode_request(bad);
    (void)decode_answer(bad);
  }
  CHECK_FALSE(decode_request(std::string(500'000, '[')));
  CHECK_FALSE(decode_request("[\"verb\"]"));
  CHECK_FALSE(decode_request(R"({"verb":7})"));
  CHECK_FALSE(decode_request(R"({"verb":"publish","ports":[[]]})"));
  CHECK_FALSE(decode_answer(R"({"ok":false,"code":-3})"));
}

TEST_CASE("a peer that sends too much, too little or nothing is given up") {
  auto pair = must(base::SocketPair::create());
  CHECK(
      receive_control_line(pair.first.get(), base::Deadline::in(milliseconds(20))).error().code() ==
      ETIMEDOUT);
  std::thread flood([&] {
    const std::string much(2 << 20, 'x');
    (void)base::send_fds(pair.second.get(), much, {});
  });
  CHECK(receive_control_line(pair.first.get(), base::Deadline::never()).error().code() == EMSGSIZE);
  pair.first.reset();
  flood.join();
  auto half = must(base::SocketPair::create());
  must(base::send_fds(half.second.get(), "{\"verb\"", {}));
  half.second.reset();
  CHECK(receive_control_line(half.first.get(), base::Deadline::never()).error().code() ==
        ECONNRESET);
}

TEST_CASE("an answer brings its descriptors, however long the paths are") {
  const auto scratch = must(base::TempDir::create());
  const Paths paths{scratch.path(), scratch.path() + "/" + std::string(150, 'r')};
  const std::string id = "0123456789ab";
  std::filesystem::create_directories(paths.sockets(id));
  CHECK(ask_supervisor(paths, id, {.verb = "ping"}).error().code() == ESRCH);
  const Fd listener = must(base::listen_unix((paths.sockets(id) / Paths::kControlSocket).string()));
  std::thread supervisor([&] {
    const Fd connection = must(base::accept_connection(listener.get()));
    const auto line = must(receive_control_line(connection.get(), base::Deadline::never()));
    const auto request = must(decode_request(line.text));
    auto pipe = must(base::Pipe::create());
    must(base::write_all(pipe.write_end.get(), std::to_string(request.port)));
    pipe.write_end.reset();
    ControlAnswer answer;
    answer.fds.push_back(std::move(pipe.read_end));
    must(send_answer(connection.get(), std::move(answer)));
    const Fd second = must(base::accept_connection(listener.get()));  // and dies without a word
  });
  const auto answer = must(ask_supervisor(paths, id, {.verb = "dial", .port = 5102}));
  REQUIRE(answer.fds.size() == 1);
  CHECK(must(base::read_all(answer.fds[0].get(), 100)) == "5102");
  CHECK(ask_supervisor(paths, id, {.verb = "ping"}).error().code() == ESRCH);
  supervisor.join();
}

}  // namespace
}  // namespace fcvm::vm
