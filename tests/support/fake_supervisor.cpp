// A supervisor without a VM, for tests of the verbs: makes a record, answers the control socket,
// and ends as one would.
//
//   fake_supervisor DATA RUNTIME NAME [rm] [stubborn] [label=stage=test] [published] [broken]
//                   [agent=DIR [run=SCRIPT] [interactive] [tty]]
// Prints the id once it runs. A child that sleeps stands for the VMM. "stubborn" answers nothing.
// With agent=DIR, an fc-agent on the sockets there stands for the guest: it is dialled, and with
// run=SCRIPT its "container" is a shell whose streams are served by the real OutputPump.
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <list>
#include <mutex>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/base/process/process_id.hpp"
#include "core/base/process/spawn.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/guest/output_pump.hpp"
#include "core/vm/logs/container_log.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/machine_files.hpp"
#include "core/vm/model/run_plan_json.hpp"
#include "core/vm/model/saved_plan.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::vm {
namespace {

/// The value, or the end.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "fake_supervisor: %s\n", result.error().message().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// The guest behind it, if there is one.
struct Guest {
  std::string directory;  // of an fc-agent's sockets
  std::string script;     // what its container runs
  bool interactive = false;
  bool tty = false;
};

class FakeSupervisor {
 public:
  FakeSupervisor(Store store, Record record, bool stubborn, Guest guest)
      : store_(std::move(store)),
        record_(std::move(record)),
        stubborn_(stubborn),
        guest_(std::move(guest)) {
    base::SpawnOptions vmm;
    vmm.argv = {"/bin/sleep", "1000"};
    vmm.parent_death_signal = 0;  // what gc has to find
    vmm_.emplace(must(base::spawn(vmm)));
    record_ = must(store_.create(record_));
    record_.vmm = must(base::identify(vmm_->pid()));
    listener_ = must(
        base::listen_unix((store_.paths().sockets(record_.id) / Paths::kControlSocket).string()));
    record_.started_ns = now_ns();
    enter(Phase::kRunning, "start");
    auto log = must(ContainerLogWriter::open(store_.paths().container_log(record_.id)));
    must(log.write(LogStream::kStdout, std::string("one\ntwo\0three\n", 14)));
    must(log.write(LogStream::kStderr, "oops\n"));
    must(log.write(LogStream::kStdout, "no end"));
    must(log.finish());
    if (!guest_.script.empty()) boot();
    std::printf("%s\n", record_.id.c_str());
    std::fflush(stdout);
  }

  void run() {
    for (;;) {
      Fd connection = must(base::accept_connection(listener_.get()));
      std::thread([this, owned = std::move(connection)] { serve(owned.get()); }).detach();
    }
  }

 private:
  [[nodiscard]] Result<Fd> dial(std::uint32_t port) const {
    return base::connect_unix(guest_.directory + "/" + std::to_string(port));
  }

  /// The container's streams go as in a supervisor of a VM, and its end is ours.
  void boot() {
    const auto dialler = [this](std::uint32_t port, base::Deadline) { return dial(port); };
    control_.emplace(dialler, [this](const wire::Event& event) { on_event(event); });
    must(control_->connect(base::Deadline::in(std::chrono::seconds(20))));
    OutputPump::Callbacks callbacks;
    callbacks.on_end = [this] {
      const std::lock_guard guard(mutex_);
      output_ended_ = true;
      changed_.notify_all();
    };
    callbacks.on_sink_closed = [] {};
    callbacks.attached.on_signal = [this](bool, int number) {
      signals_.emplace_back([this, number] {
        (void)control_->request(wire::SignalContainer{0, number},
                                base::Deadline::in(std::chrono::seconds(5)));
      });
    };
    callbacks.attached.on_detach = callbacks.attached.on_hang_up = [] {};
    pump_.emplace(dialler, attachments_, OutputPump::Sinks{}, std::move(callbacks));
    must(pump_->start());
    wire::Boot boot;
    boot.plan.container.image = "test";
    boot.plan.container.command = {"/bin/sh", "-c", guest_.script};
    boot.plan.container.interactive = guest_.interactive;
    boot.plan.container.tty = guest_.tty;
    must(control_->request(boot, base::Deadline::in(std::chrono::seconds(20))));
    pump_->guest_is_up();
    attachments_.begin(guest_.tty, guest_.interactive);
    std::thread([this] { await_end(); }).detach();
  }

  void on_event(const wire::Event& event) {
    if (event.kind != wire::EventKind::kExited) return;
    const std::lock_guard guard(mutex_);
    exit_code_ = event.code;
    changed_.notify_all();
  }

  void await_end() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return exit_code_ && output_ended_; });
      end(*exit_code_, "die");
    }
    pump_.reset();
    attachments_.end(wire::ExecExit{static_cast<std::uint8_t>(*exit_code_)});
    leave();
  }

  void enter(Phase phase, const char* event) {
    record_.phase = phase;
    must(store_.save(record_));
    log(event);
  }
  void log(const char* event) {
    LoggedEvent logged{.time_ns = now_ns(),
                       .type = event,
                       .id = record_.id,
                       .name = record_.name,
                       .image = record_.image};
    if (record_.phase == Phase::kExited) {
      logged.attributes["exitCode"] = std::to_string(record_.exit_code);
    }
    must(log_event(store_.paths().events(), logged));
  }

  void serve(int connection) {
    const auto line = receive_control_line(connection, base::Deadline::in(std::chrono::seconds(5)));
    if (!line) return;
    const auto request = ask::decode_request(line->text);
    if (!request) return;
    if (stubborn_) std::this_thread::sleep_for(std::chrono::hours(1));
    std::visit(
        [&](const auto& one) {
          using Request = std::decay_t<decltype(one)>;
          if constexpr (std::is_same_v<Request, ask::Wait>) {
            const std::lock_guard guard(mutex_);
            waiting_.push_back(::dup(connection));
          } else {
            send(connection, guarded(one));
            if (ended_) leave();
          }
        },
        *request);
  }

  template <typename Answer>
  static void send(int connection, const Result<Answer>& answer) {
    int fd = -1;
    if constexpr (std::is_same_v<Answer, ask::Stream>) fd = answer ? answer->fd.get() : -1;
    (void)send_control_line(connection, ask::encode_answer(answer), fd);
  }

  template <typename Request>
  Result<typename Request::Answer> guarded(const Request& request) {
    const std::lock_guard guard(mutex_);
    return answer(request);
  }

  Result<ask::Exit> answer(const ask::Stop& /*request*/) {
    end(0, "stop");
    return ask::Exit{};
  }
  Result<ask::Exit> answer(const ask::End& /*request*/) {
    end(128 + SIGKILL, "kill");
    return ask::Exit{};
  }
  Result<ask::Done> answer(const ask::Kill& request) {
    if (request.signal == SIGHUP) {
      log("kill");
    } else {
      end(128 + request.signal, "kill");
    }
    return ask::Done{};
  }
  Result<ask::Done> answer(const ask::Pause& /*request*/) {
    enter(Phase::kPaused, "pause");
    return ask::Done{};
  }
  Result<ask::Done> answer(const ask::Unpause& /*request*/) {
    enter(Phase::kRunning, "unpause");
    return ask::Done{};
  }
  Result<ask::Stream> answer(const ask::Dial& request) {
    if (guest_.directory.empty()) return not_known(request);
    return ask::Stream{must(dial(request.port))};
  }
  Result<ask::Stream> answer(const ask::Attach& request) {
    if (!pump_) return not_known(request);
    auto ends = must(base::SocketPair::create());
    must(attachments_.add(std::move(ends.first), false));
    pump_->wake();
    return ask::Stream{std::move(ends.second)};
  }
  /// Small files of the names that a real one writes. A VM called "slow" takes for ever over it.
  Result<ask::Saved> answer(const ask::Save& request) {
    const std::filesystem::path directory = request.directory;
    for (const char* name :
         {kSnapshotState, kSnapshotMemory, kWritableDisk, kKernel, kInitrd, kBaseDisk}) {
      const auto path = (directory / name).string();
      if (auto written = base::write_file_atomic(path, std::string(5000, name[0])); !written) {
        return unexpected(written.error());
      }
    }
    if (record_.name == "slow") std::this_thread::sleep_for(std::chrono::hours(1));
    if (request.ends) end(128 + SIGKILL, "kill");
    RunPlan plan;
    plan.image = record_.image;
    plan.vmm = "vmm.qemu";
    return ask::Saved{.plan = plan_to_json(saved_plan(plan, {})),
                      .vmm_version = "fake 1",
                      .snapshot_format = "1",
                      .accelerator = "tcg",
                      .agent = "fc-agent",
                      .paused_ns = 1'500'000};
  }
  /// Half of a CPU.
  Result<LiveStats> answer(const ask::Stats& /*request*/) {
    return LiveStats{.cpu_ns = static_cast<std::uint64_t>(base::Deadline::now_ns() / 2),
                     .memory_bytes = 256'000'000,
                     .memory_limit_bytes = 1'024'000'000,
                     .read_bytes = 1000,
                     .written_bytes = 2000,
                     .received_bytes = 3000,
                     .sent_bytes = 4000,
                     .processes = 4};
  }
  template <typename Request>
  Result<typename Request::Answer> answer(const Request& request) {
    return not_known(request);
  }
  template <typename Request>
  static Unexpected not_known(const Request& /*request*/) {
    return fail(ENOTSUP, "what is " + std::string(Request::kVerb) + "?", "ask else");
  }

  void end(int code, const char* why) {
    log(why);
    record_.exit_code = code;
    record_.finished_ns = now_ns();
    enter(Phase::kExited, "die");
    ended_ = true;
  }

  [[noreturn]] void leave() {
    const std::lock_guard guard(mutex_);
    vmm_.reset();  // kills it
    for (const int connection : waiting_) {
      send(connection, Result<ask::Exit>(ask::Exit{record_.exit_code}));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (record_.remove_when_done) must(store_.remove(record_.id));
    ::_exit(0);
  }

  Store store_;
  Record record_;
  bool stubborn_;
  Guest guest_;
  std::atomic<bool> ended_ = false;
  std::optional<base::Child> vmm_;
  Fd listener_;
  std::mutex mutex_;
  std::list<int> waiting_;

  std::condition_variable changed_;
  std::optional<int> exit_code_;
  bool output_ended_ = false;
  std::list<std::thread> signals_;
  Attachments attachments_;
  std::optional<GuestControl> control_;
  std::optional<OutputPump> pump_;
};

}  // namespace
}  // namespace fcvm::vm

int main(int argc, char** argv) {
  using namespace fcvm::vm;
  if (argc < 4) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  Record record;
  record.name = argv[3];
  record.image = "fcvm/hello";
  record.image_digest = "sha256:00";
  record.command = {"sh", "-c", "echo a very long command indeed"};
  record.cpus = 2;
  record.memory_bytes = 1U << 30U;
  record.disk_rates.read_bytes = 4'000'000;
  record.pids_limit = 50;
  record.lifetime_ms = 1500;
  record.vmm_plugin = "vmm.fake";
  record.network = "none";
  bool stubborn = false;
  Guest guest;
  for (int i = 4; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "rm") record.remove_when_done = true;
    if (word == "stubborn") stubborn = true;
    if (word == "interactive") guest.interactive = true;
    if (word == "tty") guest.tty = true;
    if (word == "published") {
      record.network = "net.fake";
      record.host_address = "127.20.0.9";
      record.ports = {{"127.20.0.9", 8000, 80, fcvm::vm::Protocol::kTcp, 2},
                      {"::1", 53, 5353, fcvm::vm::Protocol::kUdp}};
    }
    if (word == "broken") record.network_error = "its helper ended";
    if (word.substr(0, 6) == "agent=") guest.directory = word.substr(6);
    if (word.substr(0, 4) == "run=") guest.script = word.substr(4);
    if (word == "label=stage=test") record.labels = {{"stage", "test"}};
  }
  FakeSupervisor(Store({argv[1], argv[2]}), record, stubborn, guest).run();
}
