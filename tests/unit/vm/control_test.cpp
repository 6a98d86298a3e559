#include <chrono>
#include <sys/socket.h>
#include <thread>
#include <variant>

#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

using std::chrono::milliseconds;

template <typename Request>
Request back(const Request& request) {
  return std::get<Request>(must(ask::decode_request(ask::encode(request))));
}
template <typename Answer>
Answer back(const Answer& answer, int) {
  return must(ask::decode_answer<Answer>(ask::encode_answer(Result<Answer>(answer)), {}));
}

TEST_CASE("requests and answers come back as they were") {
  const auto stop = back(ask::Stop{15, milliseconds(2500)});
  CHECK(stop.signal == 15);
  CHECK(stop.grace == milliseconds(2500));
  CHECK(back(ask::Kill{9}).signal == 9);
  CHECK(back(ask::Dial{5102}).port == 5102);
  CHECK(back(ask::Dial{5102, milliseconds(70)}).within == milliseconds(70));
  CHECK(back(ask::DialTcp{65535}).port == 65535);
  const std::vector<PublishedPort> ports = {{"", 1, 2}, {"::1", 0, 4, Protocol::kUdp, 3}};
  CHECK(back(ask::Publish{ports}).ports == ports);
  CHECK(back(ask::Unpublish{ports}).ports == ports);
  (void)back(ask::Attach{});
  CHECK(back(ask::Save{"/d\xff", true}).directory == "/d\xff");
  CHECK(back(ask::Save{"/d", true}).ends);
  const ask::Saved saved{"{\"a\": 1}", "qemu 7", "8", "kvm", "agent", 1'234'567'890'123};
  CHECK(back(saved, 0).plan == saved.plan);
  CHECK(back(saved, 0).paused_ns == saved.paused_ns);
  CHECK(back(ask::Ports{ports}, 0).ports == ports);
  CHECK(back(ask::Exit{3}, 0).code == 3);
  LiveStats stats;
  stats.cpu_ns = ~std::uint64_t{0};
  stats.received_bytes = 8;
  stats.sent_bytes = 9;
  stats.processes = 7;
  CHECK(back(stats, 0).cpu_ns == ~std::uint64_t{0});
  CHECK(back(stats, 0).received_bytes == 8);
  CHECK(back(stats, 0).sent_bytes == 9);
  CHECK(back(stats, 0).processes == 7);
  const Result<ask::Done> refused = fail(ECONNREFUSED, "no\xff", "wait");
  const auto failed = ask::decode_answer<ask::Done>(ask::encode_answer(refused), {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == ECONNREFUSED);
  CHECK(failed.error().message() == "no\xff");
  CHECK(failed.error().remedy() == "wait");
}

TEST_CASE("garbage is an error and nothing worse") {
  std::mt19937 random(5);
  const auto good = ask::encode(ask::Kill{9});
  for (int i = 0; i < 3000; ++i) {
    std::string bad = i % 2 == 0 ? random_bytes(random, random() % 60) : good;
    if (i % 2 != 0) bad[random() % bad.size()] = static_cast<char>(random());
    (void)ask::decode_request(bad);
    (void)ask::decode_answer<ask::Exit>(bad, {});
  }
  for (const char* bad : {R"(["verb"])", R"({"verb":7})", R"({"verb":"publish","ports":[[]]})",
                          R"({"verb":"publish","ports":["http:80"]})", R"({"verb":"kill"})",
                          R"({"verb":"dial-tcp","port":65536})"}) {
    CHECK(ask::decode_request(bad).error().code() == EPROTO);
  }
  CHECK_FALSE(ask::decode_request(std::string(500'000, '[')));
  CHECK(ask::decode_request(R"({"verb":"fly\u001b"})").error().code() == ENOTSUP);
  CHECK(ask::decode_answer<ask::Done>(R"({"ok":false,"code":-3})", {}).error().code() == EPROTO);
  CHECK(ask::decode_answer<ask::Exit>(R"({"ok":true})", {}).error().code() == EPROTO);
  CHECK(ask::decode_answer<ask::Stream>(R"({"ok":true})", {}).error().code() == EPROTO);
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
  CHECK(ask_supervisor(paths, id, ask::Stats{}).error().code() == ESRCH);
  const Fd listener = must(base::listen_unix((paths.sockets(id) / Paths::kControlSocket).string()));
  std::thread supervisor([&] {
    const Fd connection = must(base::accept_connection(listener.get()));
    const auto line = must(receive_control_line(connection.get(), base::Deadline::never()));
    const auto request = std::get<ask::Dial>(must(ask::decode_request(line.text)));
    auto pipe = must(base::Pipe::create());
    must(base::write_all(pipe.write_end.get(), std::to_string(request.port)));
    pipe.write_end.reset();
    const Result<ask::Stream> answer(ask::Stream{});
    must(send_control_line(connection.get(), ask::encode_answer(answer), pipe.read_end.get()));
    const Fd second = must(base::accept_connection(listener.get()));  // and dies without a word
  });
  const auto answer = must(ask_supervisor(paths, id, ask::Dial{5102}));
  CHECK(must(base::read_all(answer.fd.get(), 100)) == "5102");
  CHECK(ask_supervisor(paths, id, ask::Stats{}).error().code() == ESRCH);
  supervisor.join();
}

}  // namespace
}  // namespace fcvm::vm
