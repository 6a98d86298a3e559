// A supervisor and a guest that means harm: what it makes the host hold is bounded, and what was
// promised to end ends, whatever it says. tests/support/hostile_guest.cpp has the behaviours.
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/vm/client/guest_service.hpp"
#include "core/vm/guest/attachments.hpp"
#include "core/vm/guest/guest_text.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/contract/supervised.hpp"

namespace fcvm::vm {
namespace {

using Clock = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// What was freed is kept aside for a while, 256 MiB of it at most.
constexpr double kMemoryGrowth = (16 + 256) << 20;
constexpr double kShareOfCore = 0.2 * 4;  // which is what checking every access costs
#else
constexpr double kMemoryGrowth = 16 << 20;
constexpr double kShareOfCore = 0.2;
#endif

double resident_bytes() {
  const auto text = base::read_file("/proc/self/statm");
  REQUIRE(text);
  return std::stod(text->substr(text->find(' '))) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Of this process, which is the supervisor and little else; the guest is a child.
double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Makes the guest of the next supervisor behave so.
void let_guest(const std::string& behaviour) {
  guest_program = {FCVM_TEST_HOSTILE_GUEST, ".", behaviour};
}

ask::Stop stop(std::chrono::milliseconds grace) { return {.grace = grace}; }

/// What a supervisor that ends by its own timers takes on a loaded machine, beyond what they say.
constexpr double kSlack = 6;

TEST_CASE("floods that deliver nothing cost neither memory nor a core") {
  for (const std::string behaviour :
       {"event-flood", "started-flood", "kind-flood", "done-flood", "end-flood", "attached-flood",
        "limit-flood", "refusal-flood", "wrong-offset", "empty-flood", "crumb-flood",
        "control-flap", "output-flap", "unread"}) {
    INFO(behaviour);
    let_guest(behaviour);
    Supervised box("true");
    box.started();
    std::this_thread::sleep_for(300ms);  // what is let through at once
    const double memory = resident_bytes();
    const double cpu = cpu_seconds();
    const auto began = Clock::now();
    std::this_thread::sleep_for(1500ms);
    CHECK((cpu_seconds() - cpu) / seconds_since(began) < kShareOfCore);
    CHECK(resident_bytes() - memory < kMemoryGrowth);
    CHECK(box.ask(ask::Stats{}));
    CHECK(box.ask(ask::End{}));
    REQUIRE(box.ended());
    CHECK(must(box.outcome()) == 137);
  }
}

/// One supervisor for each behaviour, side by side: their timers take long.
class Boxes {
 public:
  explicit Boxes(std::vector<std::string> behaviours) : behaviours_(std::move(behaviours)) {
    for (const auto& behaviour : behaviours_) {
      let_guest(behaviour);
      boxes_.push_back(std::make_unique<Supervised>("true"));
      boxes_.back()->started();
    }
  }

  /// Asks all at once; each then has `limit` seconds to end with the code that `check` is given.
  template <typename Request, typename Check>
  void end_by(const Request& request, double limit, const Check& check) {
    const auto began = Clock::now();
    std::vector<std::future<Result<typename Request::Answer>>> answers;
    for (auto& box : boxes_) {
      answers.push_back(
          std::async(std::launch::async, [&box, request] { return box->ask(request); }));
    }
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
      INFO(behaviours_[i]);
      CHECK(answers[i].get());
      REQUIRE(boxes_[i]->ended());
      CHECK(seconds_since(began) < limit);
      const int code = must(boxes_[i]->outcome());
      CHECK(boxes_[i]->find().exit_code == code);
      check(behaviours_[i], code);
    }
  }

 private:
  std::vector<std::string> behaviours_;
  std::vector<std::unique_ptr<Supervised>> boxes_;
};

TEST_CASE("a command that takes no input keeps neither a cancel nor a deadline away") {
  let_guest("exec-deaf");
  Supervised box("true");
  GuestService service(box.store(), box.started().id, true);
  plugin::GuestService::Exec command;
  command.arguments = {"cat"};
  const std::string input(64 << 20, 'x');
  command.input = input;
  const auto ignore = [](std::uint32_t, std::string_view) { return true; };
  CancelSource cancel;
  const auto began = Clock::now();
  const Call limited(cancel, base::Deadline::in(500ms).as_ns());
  CHECK(service.exec(command, limited, ignore).error().code() == ETIMEDOUT);
  const Call endless(cancel, FCVM_NO_DEADLINE);
  auto running = std::async(std::launch::async,
                            [&] { return service.exec(command, endless, ignore).error().code(); });
  while (running.wait_for(50ms) != std::future_status::ready && seconds_since(began) < 60) {
    cancel.cancel();
  }
  CHECK(seconds_since(began) < 2 + kSlack);
  CHECK(box.ask(ask::End{}));
  CHECK(running.get() == ECANCELED);
  REQUIRE(box.ended());
}

TEST_CASE("a container that its guest does not stop ends soon after its grace") {
  Boxes boxes({"idle", "mute", "unread", "exit-without-end"});
  boxes.end_by(stop(1s), 1 + 5 + 3 + kSlack, [](const std::string& behaviour, int code) {
    // The guest's word for it where there was one.
    CHECK(code == (behaviour == "exit-without-end" ? 3 : 137));
  });
}

TEST_CASE("a container that its guest does not kill is killed with its VM") {
  Boxes boxes({"idle", "mute", "unread", "exit-without-end"});
  boxes.end_by(ask::Kill{SIGKILL}, 2 + 3 + kSlack, [](const std::string& behaviour, int code) {
    CHECK(code == (behaviour == "exit-without-end" ? 3 : 137));
  });
}

/// In the place of standard error: a pipe that is full, and that nobody reads.
class UnreadStderr {
 public:
  UnreadStderr() : pipe_(must(base::Pipe::create(O_NONBLOCK))), usual_(::dup(STDERR_FILENO)) {
    const std::string page(4096, 'x');
    while (::write(pipe_.write_end.get(), page.data(), page.size()) > 0) {
    }
    REQUIRE(::fcntl(pipe_.write_end.get(), F_SETFL, 0) == 0);
    REQUIRE(::dup2(pipe_.write_end.get(), STDERR_FILENO) == STDERR_FILENO);
  }
  UnreadStderr(const UnreadStderr&) = delete;
  UnreadStderr& operator=(const UnreadStderr&) = delete;
  ~UnreadStderr() { ::dup2(usual_.get(), STDERR_FILENO); }

 private:
  base::Pipe pipe_;
  Fd usual_;
};

TEST_CASE("a VM is ended though nobody reads what is said of it") {
  for (const std::string behaviour : {"idle", "mute"}) {
    INFO(behaviour);
    let_guest(behaviour);
    Supervised box("true");
    box.started();
    const UnreadStderr unread;
    const auto began = Clock::now();
    CHECK(box.ask(ask::Kill{SIGKILL}));
    REQUIRE(box.ended());
    CHECK(seconds_since(began) < 2 + 3 + kSlack);
    CHECK(must(box.outcome()) == 137);
  }
}

TEST_CASE("a paused container can be stopped and killed") {
  for (const bool kills : {true, false}) {
    let_guest("idle");
    Supervised box("true");
    box.started();
    REQUIRE(box.ask(ask::Pause{}));
    CHECK((kills ? box.ask(ask::Kill{SIGKILL}).has_value() : box.ask(stop(0s)).has_value()));
    REQUIRE(box.ended());
    CHECK(must(box.outcome()) == 137);
  }
}

TEST_CASE("a time limit is the host's") {
  for (const std::string behaviour : {"idle", "mute"}) {
    let_guest(behaviour);
    const auto began = Clock::now();
    Supervised box("true", {}, [](RunPlan& plan) { plan.lifetime = 500ms; });
    REQUIRE(box.ended());
    CHECK(seconds_since(began) < 0.5 + 2 + 3 + kSlack);
    CHECK(must(box.outcome()) == 137);
  }
}

TEST_CASE("a guest that does not say that its container runs is given up") {
  let_guest("unstarted");
  const auto began = Clock::now();
  Supervised box("true", {}, [](RunPlan& plan) { plan.start_limit = 3s; });
  REQUIRE(box.ended());
  CHECK(seconds_since(began) < 3 + 1 + kSlack);
  const auto outcome = box.outcome();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message().find("did not start its container") != std::string::npos);
}

TEST_CASE("a time limit does not wait for a container to start") {
  let_guest("late-unstarted");
  Supervised box("true", {}, [](RunPlan& plan) {
    plan.start_limit = 5s;  // the guest answers after 2, and would be given up after 7
    plan.lifetime = 100ms;
  });
  REQUIRE(box.ended());
  CHECK(must(box.outcome()) == 137);
}

TEST_CASE("a VM whose attached user hangs up ends after its grace") {
  let_guest("idle");
  auto ends = base::SocketPair::create();
  REQUIRE(ends);
  Supervised box("true", std::move(ends->first), [](RunPlan& plan) { plan.stop_grace = 500ms; });
  box.started();
  const auto began = Clock::now();
  ends->second.reset();
  REQUIRE(box.ended());
  CHECK(seconds_since(began) < 0.5 + 5 + 3 + kSlack);
  CHECK(must(box.outcome()) == 137);
}

TEST_CASE("ending at once does not wait for the guest") {
  for (const std::string behaviour : {"idle", "unread", "output-deaf", "event-flood"}) {
    INFO(behaviour);
    let_guest(behaviour);
    Supervised box("true");
    const Record record = box.started();
    const auto began = Clock::now();
    CHECK(box.ask(ask::End{}));
    REQUIRE(box.ended());
    CHECK(seconds_since(began) < 3);
    CHECK(must(box.outcome()) == 137);
    CHECK_FALSE(std::filesystem::exists(box.store().paths().sockets(record.id)));
  }
}

TEST_CASE("an exit code that cannot be is made one that can") {
  for (const auto& [behaviour, code] :
       {std::pair{"exit-1000", 255}, std::pair{"exit-minus", 255}}) {
    INFO(behaviour);
    let_guest(behaviour);
    Supervised box("true");
    box.started();
    for (const auto limit = base::Deadline::in(kPatience);
         box.find().phase != Phase::kStopping && !limit.expired();) {
      std::this_thread::sleep_for(5ms);
    }
    CHECK(box.ask(ask::End{}));
    REQUIRE(box.ended());
    CHECK(must(box.outcome()) == code);
  }
}

TEST_CASE("what a guest says is cut before it gets into the record") {
  let_guest("huge-failure");
  Supervised box("true");
  REQUIRE(box.ended());
  const auto outcome = box.outcome();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message().size() < 3 * kMostGuestText);
  CHECK(box.find().error.size() < 3 * kMostGuestText);
}

TEST_CASE("stdin for a guest that grants the moon waits with the client") {
  let_guest("grant-moon");
  auto ends = base::SocketPair::create();
  REQUIRE(ends);
  Supervised box("true", std::move(ends->first));
  box.started();
  tests::Connection client(std::move(ends->second));
  std::uint64_t credit = client.expect<Attached>().stdin_credit;
  std::string frame;
  wire::append_frame(frame, wire::kExecStdin, std::string(64 << 10, 'x'));
  const double memory = resident_bytes();
  std::uint64_t sent = 0;
  for (const auto limit = base::Deadline::in(2s); !limit.expired();) {
    while (credit >= 64 << 10) {
      client.send(frame);
      credit -= 64 << 10;
      sent += 64 << 10;
    }
    if (!base::wait_readable(client.fd(), limit)) break;
    credit += client.expect<wire::ExecCredit>().bytes;
  }
  CHECK(sent >= 1 << 20);
  CHECK(sent < 4 << 20);
  CHECK(resident_bytes() - memory < kMemoryGrowth);
  CHECK(box.ask(ask::End{}));
  REQUIRE(box.ended());
}

TEST_CASE("a client that does not read its answer keeps nobody else waiting") {
  let_guest("event-flood");
  Supervised box("true", {}, [](RunPlan& plan) { plan.labels["big"] = std::string(720'000, 'x'); });
  const Record record = box.started();
  const auto directory =
      base::open_file(box.store().paths().sockets(record.id).string(), O_PATH | O_DIRECTORY);
  REQUIRE(directory);
  std::vector<Fd> silent;
  for (int i = 0; i < 4; ++i) {
    auto client = base::connect_unix_at(directory->get(), Paths::kControlSocket, SOCK_STREAM);
    REQUIRE(client);
    REQUIRE(base::write_all(client->get(), ask::encode(ask::Stats{})));
    silent.push_back(*std::move(client));
  }
  const double memory = resident_bytes();
  const auto began = Clock::now();
  CHECK(box.ask(ask::Stats{}));
  CHECK(seconds_since(began) < 5);
  std::this_thread::sleep_for(1s);
  CHECK(box.ask(ask::Stats{}));
  CHECK(resident_bytes() - memory < kMemoryGrowth);
  CHECK(box.ask(ask::End{}));
  REQUIRE(box.ended());
}

}  // namespace
}  // namespace fcvm::vm
