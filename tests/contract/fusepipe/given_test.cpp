// Streams that neither end dials: another process gives them to both, as a VM's supervisor and a
// guest's agent do.
#include <atomic>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/base/io/file.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/temp_dir.hpp"
#include "fusepipe/stream/given_stream.hpp"
#include "tests/contract/fusepipe/served.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using fcvm::test::Tool;

namespace {

/// Owns the sockets over which both ends ask, and joins what they are given.
class Giver {
 public:
  Giver() : server_(must(base::SocketPair::create())), mount_(must(base::SocketPair::create())) {
    thread_ = std::thread([this] { run(); });
  }
  ~Giver() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
  }
  Giver(const Giver&) = delete;
  Giver& operator=(const Giver&) = delete;

  [[nodiscard]] int of_server() const { return server_.second.get(); }
  [[nodiscard]] int of_mount() const { return mount_.second.get(); }
  [[nodiscard]] std::size_t given() const { return given_; }
  /// Breaks every stream that was given so far.
  void cut() {
    const std::scoped_lock lock(mutex_);
    for (const base::Fd& stream : streams_) ::shutdown(stream.get(), SHUT_RDWR);
    streams_.clear();
  }

 private:
  void run() {
    std::size_t wanted_here = 0;
    std::size_t wanted_there = 0;
    for (;;) {
      pollfd waits[] = {{stop_.get(), POLLIN, 0},
                        {server_.first.get(), POLLIN, 0},
                        {mount_.first.get(), POLLIN, 0}};
      ::poll(waits, 3, -1);
      if (waits[0].revents != 0) return;
      if (waits[1].revents != 0 && !count(server_.first.get(), wanted_here)) return;
      if (waits[2].revents != 0 && !count(mount_.first.get(), wanted_there)) return;
      for (; wanted_here > 0 && wanted_there > 0; --wanted_here, --wanted_there) give();
    }
  }

  static bool count(int asker, std::size_t& wanted) {
    const auto more = fusepipe::take_requests(asker);
    if (more) wanted += *more;
    return more.has_value();
  }

  void give() {
    // As a socket that its giver never waits for.
    auto stream = must(base::SocketPair::create(SOCK_STREAM | SOCK_NONBLOCK));
    (void)fusepipe::give_stream(server_.first.get(), stream.first.get());
    (void)fusepipe::give_stream(mount_.first.get(), stream.second.get());
    const std::scoped_lock lock(mutex_);
    streams_.push_back(std::move(stream.first));
    ++given_;
  }

  base::SocketPair server_;
  base::SocketPair mount_;
  base::Fd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::mutex mutex_;
  std::vector<base::Fd> streams_;
  std::atomic<std::size_t> given_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("streams may be given to both ends, and given again when they break") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  const auto directory = must(base::TempDir::create());
  const std::string host = directory.path() + "/host";
  const std::string mounted = directory.path() + "/mnt";
  must(base::make_directories(host));
  must(base::make_directories(mounted));
  Giver giver;
  Tool server({"serve", host, "--listen", "given:3"}, RLIM_INFINITY, giver.of_server());
  Tool mount({"mount", "given:3", mounted, "--queues", "2"}, RLIM_INFINITY, giver.of_mount());
  // Two queues, the notifications, and none that only waits: the mount asked for no more.
  CHECK(giver.given() == 3);
  for (int i = 0; i < 20; ++i) {
    const std::string name = "/file" + std::to_string(i);
    std::ofstream(mounted + name) << i;
    if (i % 5 == 4) giver.cut();
    CHECK(must(base::read_file(host + name)) == std::to_string(i));
    CHECK(must(base::read_file(mounted + name)) == std::to_string(i));
  }
  CHECK(giver.given() > 3);
  must(mount.process().signal(SIGTERM));
  CHECK(mount.end() == "exited with 0");
  must(server.process().signal(SIGTERM));
  CHECK(server.end() == "exited with 0");
}
