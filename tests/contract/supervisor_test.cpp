// A whole supervisor, with a guest that needs no VM: the VMM plugin of this test starts fc-agent on
// Unix sockets. What is shown here is how the supervisor's threads get along, above all at the end.
#include "core/vm/supervisor.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <fcvm/image.hpp>
#include <fcvm/net.hpp>
#include <fcvm/vmm.hpp>

#include "core/base/socket_pair.hpp"
#include "core/base/temp_dir.hpp"
#include "core/config/load.hpp"
#include "core/vm/attachments.hpp"
#include "core/vm/control_protocol.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/support/must.hpp"

namespace fcvm::vm {
namespace {

using namespace std::chrono_literals;

// As fcvm does: whoever writes to a peer that has gone gets an error.
[[maybe_unused]] const auto kIgnoredBefore = std::signal(SIGPIPE, SIG_IGN);

/// More than any step here takes on a loaded machine, less than the supervisor's own limits add up
/// to when one is waited out.
constexpr auto kPatience = 60s;

// What the plugins below are to do, and have done.
std::atomic<bool> guest_is_deaf = false;
std::atomic<int> dials = 0;
std::atomic<bool> detached_beneath_a_dial = false;

class Hosted : public VmmPlugin {
 public:
  static constexpr Info kInfo{"vmm.hosted", "1.0.0", "an agent that is a process of the host"};

  explicit Hosted(Host host) : host_(host) {}

  Result<void> start(const fcvm_vm_spec& spec, const Call&) {
    auto how = process_spec();
    how.directory_fd = spec.directory_fd;
    const std::vector<std::string> agent = {FCVM_TEST_AGENT, "--test-socket", "."};
    const std::vector<std::string> nobody = {"/bin/sleep", "1000"};
    auto started = FCVM_TRY(host_.spawn(guest_is_deaf ? nobody : agent, how));
    const std::lock_guard lock(mutex_);
    directory_ = Fd(::fcntl(spec.directory_fd, F_DUPFD_CLOEXEC, 0));
    process_ = std::move(started);
    state_ = FCVM_VM_RUNNING;
    return {};
  }
  Result<void> pause(const Call&) { return move(SIGSTOP, FCVM_VM_PAUSED); }
  Result<void> resume(const Call&) { return move(SIGCONT, FCVM_VM_RUNNING); }
  Result<Fd> connect(std::uint32_t port, const Call&) {
    auto socket = base::connect_unix_at(directory_.get(), std::to_string(port));
    if (!socket && socket.error().code() == ENOENT) return fail(ECONNREFUSED, "not yet");
    return socket;
  }
  Result<fcvm_vm_status> status() {
    const std::lock_guard lock(mutex_);
    const auto process = process_.status();
    auto status = vm_status();
    if (state_ != FCVM_VM_NEW && process.running == 0) state_ = FCVM_VM_ENDED;
    status.state = state_;
    status.pid = process.pid;
    status.pidfd = process_.pidfd();
    put_text(status.end_reason, "its process ended");
    return status;
  }
  Result<void> kill() {
    const std::lock_guard lock(mutex_);
    process_.stop(std::chrono::nanoseconds(0));
    state_ = FCVM_VM_ENDED;
    return {};
  }

 private:
  Result<void> move(int signal, std::uint32_t to) {
    const std::lock_guard lock(mutex_);
    FCVM_TRY(process_.signal(signal));
    state_ = to;
    return {};
  }

  Host host_;
  std::mutex mutex_;
  Fd directory_;
  Process process_;
  std::uint32_t state_ = FCVM_VM_NEW;
};

class Nothing : public ImagePlugin {
 public:
  static constexpr Info kInfo{"image.nothing", "1.0.0", "an image that nobody looks at"};

  Result<fcvm_image_identity> resolve(const fcvm_image_request&, const Call&) {
    auto identity = sized<fcvm_image_identity>();
    put_text(identity.digest, "sha256:00");
    return identity;
  }
  Result<std::string> config(const fcvm_image_request&, std::string_view, const Call&) {
    return std::string("{}");
  }
  Result<fcvm_image_delivery> prepare(const fcvm_image_request&, std::string_view, const Call&) {
    auto delivery = sized<fcvm_image_delivery>();
    delivery.how = FCVM_GUEST_LOAD_ARCHIVE;
    delivery.disk_count = 1;
    put_text(delivery.paths[0], "/dev/null");
    return delivery;
  }
  Result<std::vector<std::string>> collect(int, const std::vector<std::string>&, const Call&) {
    return std::vector<std::string>();
  }
};

/// Whoever dials waits until the deadline, or the cancel.
class Silent : public NetPlugin {
 public:
  static constexpr Info kInfo{"net.silent", "1.0.0", "a network in which nobody answers"};

  Result<fcvm_net_attachment> attach(const fcvm_net_request&, const Call&) {
    return net_attachment();
  }
  Result<void> detach(const Call&) {
    if (dials > 0) detached_beneath_a_dial = true;
    return {};
  }
  Result<Fd> dial(std::uint32_t, std::uint16_t, const Call& call) {
    ++dials;
    const auto waited = call.wait(call.cancel_fd(), POLLIN);
    --dials;
    return waited ? fail(ECANCELED, "canceled") : Result<Fd>(unexpected(waited.error()));
  }
};

template <typename Plugin>
const fcvm_plugin* table_of() {
  return sdk::CommonTable<Plugin, typename Plugin::Verbs>::table();
}

/// A supervisor on a thread of its own, which stands for the process that `fcvm run` is.
class Supervised {
 public:
  explicit Supervised(const std::string& script, Fd attached = {}) {
    for (const auto* table : {table_of<Hosted>(), table_of<Nothing>(), table_of<Silent>()}) {
      REQUIRE(registry_.add_table(table));
    }
    config::LoadRequest request;
    request.environment = config::Environment({{"FCVM_CONFIG_ROOT", directory_.path()}});
    request.plugins = registry_.tables();
    config_.emplace(must(config::load(request)));
    RunPlan plan;
    plan.name = "box";
    plan.vmm = "vmm.hosted";
    plan.image_plugin = "image.nothing";
    plan.network.plugin = "net.silent";
    plan.assets = {"/dev/null", "", "/dev/null", "/dev/null"};
    plan.container.command = {"/bin/sh", "-c", script};
    plan.container.interactive = attached.valid();
    plan.detached = !attached.valid();
    plan.make_disk = [](const std::filesystem::path&, std::uint64_t) { return Result<void>(); };
    outcome_ = std::async(
        std::launch::async, [this, plan = std::move(plan), stream = std::move(attached)]() mutable {
          Supervisor supervisor(
              {.store = store_,
               .registry = registry_,
               .config = *config_,
               .on_started = [this](const auto& record) { started_.set_value(record); },
               .attached = std::move(stream)},
              std::move(plan));
          return supervisor.run();
        });
  }

  Record started() {
    auto record = started_.get_future();
    if (record.wait_for(kPatience) != std::future_status::ready) {
      FAIL("it does not start" << (ended() ? ": " + outcome().error().message() : ""));
    }
    id_ = record.get().id;
    return find();
  }
  Record find() { return must(store_.find("box")); }
  Result<ControlAnswer> ask(const ControlRequest& request) {
    return ask_supervisor(store_.paths(), id_, request, base::Deadline::in(kPatience));
  }
  bool ended() { return outcome_.wait_for(kPatience) == std::future_status::ready; }
  Result<int> outcome() { return outcome_.get(); }
  Store& store() { return store_; }

 private:
  base::TempDir directory_ = *base::TempDir::create();
  Store store_{Paths{directory_.path() + "/data", directory_.path() + "/run"}};
  plugin::Registry registry_;
  std::optional<config::Config> config_;
  std::promise<Record> started_;
  std::string id_;
  std::future<Result<int>> outcome_;
};

ControlRequest verb(const std::string& name, int signal = 0) {
  ControlRequest request;
  request.verb = name;
  request.signal = signal;
  return request;
}

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
        const bool signals = i % 3 == 0;
        const auto answer =
            box.ask(signals ? verb("kill", SIGUSR1) : verb(i % 3 == 1 ? "inspect" : "stats"));
        if (!answer) ++wrong;
        if (answer && i % 3 == 1 && !record_from_json(answer->record_json)) ++wrong;
      }
    });
  }
  std::atomic<int> waited = -1;
  std::thread waiter([&] {
    const auto answer = box.ask(verb("wait"));
    waited = answer ? answer->exit_code : -2;
  });
  for (auto& asker : askers) asker.join();
  CHECK(wrong == 0);
  CHECK(box.ask(verb("pause")));
  CHECK(box.find().phase == Phase::kPaused);
  CHECK(box.ask(verb("pause")).error().code() == EINVAL);
  CHECK(box.ask(verb("unpause")));
  // It ignores nothing but USR1.
  const auto stopped = box.ask(verb("stop"));
  waiter.join();
  REQUIRE(stopped);
  CHECK(stopped->exit_code == 143);
  CHECK(waited == 143);
  REQUIRE(box.ended());
  must(box.outcome());
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
    CHECK(base::write_all(client.get(), encode_request(verb("ping"))));
    CHECK_FALSE(base::wait_readable(client.get(), base::Deadline::in(300ms)));
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(receive_control_line(client.get(), base::Deadline::in(kPatience)));
  CHECK(box.ask(verb("ping")));
  CHECK(box.ask(verb("stop", SIGKILL)));
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
      auto request = verb("dial-tcp");
      request.port = 80;
      // Its answer, or the end of the connection: the supervisor does not wait to tell.
      if (!box.ask(request)) ++refused;
    });
  }
  for (const auto limit = base::Deadline::in(kPatience); dials < 3 && !limit.expired();) {
    std::this_thread::sleep_for(5ms);
  }
  CHECK(dials == 3);
  const auto began = std::chrono::steady_clock::now();
  CHECK(box.ask(verb("stop", SIGKILL)));
  REQUIRE(box.ended());
  // The dials had ten seconds.
  CHECK(std::chrono::steady_clock::now() - began < 8s);
  must(box.outcome());
  for (auto& dialler : diallers) dialler.join();
  CHECK(refused == 3);
  CHECK_FALSE(detached_beneath_a_dial);
}

TEST_CASE("a VM that ends while it boots is not waited for") {
  guest_is_deaf = true;
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
  guest_is_deaf = false;
  const auto outcome = box.outcome();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().message(), test::Contains("its process ended"));
}

}  // namespace
}  // namespace fcvm::vm
