// A whole supervisor, with fc-agent for its guest. What is shown here is how the supervisor's
// threads get along, above all at the end.
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <optional>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/vm/guest/attachments.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/contract/supervised.hpp"

namespace fcvm::vm {
namespace {

const std::vector<std::string> kAgent = {FCVM_TEST_AGENT, "."};
[[maybe_unused]] const auto& kDefaultProgram = guest_program = kAgent;

TEST_CASE("a container runs to its end, and leaves its record and its output") {
  Supervised box("echo said; exit 3");
  REQUIRE(box.ended());
  CHECK(must(box.outcome()) == 3);
  const Record record = box.find();
  CHECK(record.phase == Phase::kExited);
  CHECK(record.exit_code == 3);
  CHECK(record.error.empty());
  CHECK_FALSE(std::filesystem::exists(box.store().paths().sockets(record.id)));
  const auto log = base::read_file(box.store().paths().container_log(record.id));
  REQUIRE(log);
  CHECK(log->find("said") != std::string::npos);
}

TEST_CASE("many ask at once, and each gets an answer of its own") {
  Supervised box("trap '' USR1; echo ready; while :; do sleep 0.1; done");
  const Record record = box.started();
  std::vector<std::thread> askers;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 6; ++i) {
    askers.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        if (i % 2 == 0) {
          if (!box.ask(ask::Kill{SIGUSR1})) ++wrong;
        } else {
          const auto stats = box.ask(ask::Stats{});
          if (!stats || stats->memory_bytes == 0) ++wrong;
        }
      }
    });
  }
  std::atomic<int> waited = -1;
  std::thread waiter([&] {
    const auto answer = box.ask(ask::Wait{});
    waited = answer ? answer->code : -2;
  });
  for (auto& asker : askers) asker.join();
  CHECK(wrong == 0);
  CHECK(box.ask(ask::Pause{}));
  CHECK(box.find().phase == Phase::kPaused);
  const auto again = box.ask(ask::Pause{});
  CHECK(again.error().code() == EBUSY);
  CHECK_THAT(again.error().message(), test::Contains("cannot be paused: it is paused"));
  CHECK_THAT(again.error().remedy(), test::Contains("fcvm unpause"));
  CHECK(box.ask(ask::Unpause{}));
  // It ignores nothing but USR1.
  const auto stopped = box.ask(ask::Stop{});
  waiter.join();
  REQUIRE(stopped);
  CHECK(stopped->code == 143);
  CHECK(waited == 143);
  REQUIRE(box.ended());
  must(box.outcome());
}

TEST_CASE("a client that leaves is let go") {
  Supervised box("exec sleep 1000");
  const Record record = box.started();
  const std::string socket =
      (box.store().paths().sockets(record.id) / Paths::kControlSocket).string();
  const auto open_files = [] {
    const std::filesystem::directory_iterator fds("/proc/self/fd");
    return std::distance(begin(fds), end(fds));
  };
  const auto before = open_files();
  for (int i = 0; i < 200; ++i) {
    const base::Fd client = must(base::connect_unix(socket));
    const std::string question = i % 2 == 0 ? ask::encode(ask::Wait{}) : ask::encode(ask::Stats{});
    must(base::write_all(client.get(), question));
  }
  // One that has closed its sending half alone waits on.
  const base::Fd patient = must(base::connect_unix(socket));
  must(base::write_all(patient.get(), ask::encode(ask::Wait{})));
  REQUIRE(::shutdown(patient.get(), SHUT_WR) == 0);
  // The patient one has two, and a VM that has just started opens some of its own.
  constexpr int kOthers = 20;
  for (int i = 0; i < 1000 && open_files() > before + kOthers; ++i) ::usleep(10'000);
  CHECK(open_files() <= before + kOthers);
  REQUIRE(box.ask(ask::Kill{SIGKILL}));
  REQUIRE(box.ended());
  const auto line = must(receive_control_line(patient.get(), base::Deadline::in(10s)));
  CHECK(must(ask::decode_answer<ask::Exit>(line.text, {})).code == 137);
  must(box.outcome());
}

TEST_CASE("a plugin that never returns does not keep a supervisor from its end") {
  const base::TempDir home = *base::TempDir::create();
  ::setenv("TMPDIR", home.path().c_str(), 1);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto said = base::open_file(home.path() + "/said", O_WRONLY | O_CREAT);
    if (said) ::dup2(said->get(), STDERR_FILENO);
    attach_hangs = home.path() + "/hangs";
    Supervised box("true");
    (void)box.ended();
    ::_exit(99);
  }
  ::unsetenv("TMPDIR");
  int status = 0;
  pid_t ended = 0;
  // As somebody does who presses Ctrl-C until it helps.
  bool hangs = false;
  for (int i = 0; i < 600 && ended == 0; ++i) {
    ::usleep(100'000);
    hangs = hangs || ::access((home.path() + "/hangs").c_str(), F_OK) == 0;
    if (hangs && i % 5 == 0) ::kill(child, SIGINT);
    ended = ::waitpid(child, &status, WNOHANG);
  }
  if (ended == 0) ::kill(child, SIGKILL);
  if (ended == 0) ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 125);
  CHECK_THAT(*base::read_file(home.path() + "/said"),
             test::Contains("attach of net.silent does not return"));
}

TEST_CASE("a supervisor that was out of descriptors for a while answers again") {
  Supervised box("exec sleep 1000");
  const Record record = box.started();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = box.store().paths().sockets(record.id) / Paths::kControlSocket;
  REQUIRE(path.string().copy(address.sun_path, sizeof address.sun_path - 1) ==
          path.string().size());
  const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(client);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  {
    const rlimit few{static_cast<rlim_t>(client.get()) + 1, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    std::vector<Fd> all;  // those that are free below the limit
    for (Fd more(::dup(client.get())); more; more = Fd(::dup(client.get()))) {
      all.push_back(std::move(more));
    }
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::connect(client.get(), to, sizeof address) == 0);
    CHECK(base::write_all(client.get(), ask::encode(ask::Stats{})));
    CHECK_FALSE(base::wait_readable(client.get(), base::Deadline::in(300ms)));
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(receive_control_line(client.get(), base::Deadline::in(kPatience)));
  CHECK(box.ask(ask::Stats{}));
  CHECK(box.ask(ask::Stop{.signal = SIGKILL}));
  REQUIRE(box.ended());
}

TEST_CASE("signals that come after the end was decided change nothing") {
  auto ends = base::SocketPair::create();
  REQUIRE(ends);
  Supervised box("trap '' INT HUP; echo ready; while :; do sleep 0.1; done",
                 std::move(ends->first));
  tests::Connection client(std::move(ends->second));
  client.expect<Attached>();
  const auto ready = client.next();
  REQUIRE(ready);
  CHECK(ready->payload == "ready\n");
  // Ctrl-C twice, and the terminal is closed at once.
  std::string all;
  for (const int number : {SIGINT, SIGINT, SIGHUP, SIGTERM, SIGHUP}) {
    all += wire::encode(wire::ExecSignal{number});
  }
  client.send(all);
  REQUIRE(box.ended());
  CHECK(must(box.outcome()) == 128 + SIGINT);
  CHECK(client.expect<wire::ExecExit>().code == 128 + SIGINT);
}

TEST_CASE("a connection that is being dialled ends with its VM, and before its network") {
  detached_beneath_a_dial = false;
  Supervised box("exec sleep 1000");
  box.started();
  std::vector<std::thread> diallers;
  std::atomic<int> refused = 0;
  for (int i = 0; i < 3; ++i) {
    diallers.emplace_back([&] {
      const ask::DialTcp request{80};
      // Its answer, or the end of the connection: the supervisor does not wait to tell.
      if (!box.ask(request)) ++refused;
    });
  }
  for (const auto limit = base::Deadline::in(kPatience); dials < 3 && !limit.expired();) {
    std::this_thread::sleep_for(5ms);
  }
  CHECK(dials == 3);
  const auto began = std::chrono::steady_clock::now();
  CHECK(box.ask(ask::Stop{.signal = SIGKILL}));
  REQUIRE(box.ended());
  // The dials had ten seconds.
  CHECK(std::chrono::steady_clock::now() - began < 8s);
  must(box.outcome());
  for (auto& dialler : diallers) dialler.join();
  CHECK(refused == 3);
  CHECK_FALSE(detached_beneath_a_dial);
}

TEST_CASE("an end that is asked for between two verbs of a plugin reaches the second") {
  const auto scratch = must(base::TempDir::create());
  resolve_lingers = scratch.path() + "/resolving";
  Supervised box("true");
  for (const auto limit = base::Deadline::in(kPatience); !limit.expired();) {
    if (std::filesystem::exists(resolve_lingers)) break;
    std::this_thread::sleep_for(5ms);
  }
  const auto began = std::chrono::steady_clock::now();
  CHECK(box.ask(ask::End{}));
  REQUIRE(box.ended());
  CHECK(std::chrono::steady_clock::now() - began < kPatience / 2);
  resolve_lingers.clear();
}

/// A small file system, in which TempDir makes its directories.
class SmallDisk {
 public:
  SmallDisk() {
    REQUIRE(::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=64m") == 0);
    ::setenv("TMPDIR", path().c_str(), 1);
  }
  ~SmallDisk() {
    before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR");
    ::umount2(path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }

 private:
  std::optional<std::string> before_ = std::getenv("TMPDIR") == nullptr
                                           ? std::nullopt
                                           : std::optional<std::string>(std::getenv("TMPDIR"));
  base::TempDir directory_ = must(base::TempDir::create());
};

TEST_CASE("a VM for whose disk there is no room is paused until there is some") {
  if (::geteuid() != 0) {
    WARN("skipped: it mounts a file system");
    return;
  }
  const SmallDisk disk;
  Supervised box("exec sleep 1000");
  box.started();
  const auto comes_to_be = [&](Phase phase) {
    for (const auto limit = base::Deadline::in(kPatience); !limit.expired();) {
      if (box.find().phase == phase) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  };
  const std::string file = disk.path() + "/much";
  const Fd much(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::fallocate(much.get(), 0, 0, 62 << 20) == 0);
  REQUIRE(comes_to_be(Phase::kPaused));
  CHECK(box.find().awaits_room);
  const auto unpaused = box.ask(ask::Unpause{});
  REQUIRE_FALSE(unpaused);
  CHECK(unpaused.error().code() == ENOSPC);
  CHECK_THAT(unpaused.error().remedy(), test::Contains("make room in the file system of"));
  REQUIRE(::ftruncate(much.get(), 0) == 0);
  REQUIRE(comes_to_be(Phase::kRunning));
  CHECK_FALSE(box.find().awaits_room);
  CHECK(box.ask(ask::Kill{SIGKILL}));
  REQUIRE(box.ended());
}

TEST_CASE("a VM that never was leaves no name") {
  resolve_fails = true;
  Supervised box("true");
  REQUIRE(box.ended());
  CHECK_FALSE(box.outcome());
  CHECK_FALSE(box.store().find("box"));
  resolve_fails = false;
}

TEST_CASE("a VM that ends while it boots is not waited for") {
  guest_program = {"/bin/sleep", "1000"};
  Supervised box("true");
  for (const auto limit = base::Deadline::in(kPatience); !limit.expired();) {
    const auto record = box.store().find("box");
    if (record && record->vmm.pid > 0) {
      ::kill(record->vmm.pid, SIGKILL);
      break;
    }
    std::this_thread::sleep_for(5ms);
  }
  REQUIRE(box.ended());  // a guest has two minutes to boot
  guest_program = kAgent;
  const auto outcome = box.outcome();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().message(), test::Contains("its process ended"));
}

}  // namespace
}  // namespace fcvm::vm
