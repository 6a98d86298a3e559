#include "core/vm/store/gc.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>

#include "core/base/io/unix_socket.hpp"
#include "core/base/process/process_id.hpp"
#include "core/base/process/spawn.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/recorded_state.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

base::Child sleeper() {
  base::SpawnOptions options;
  options.argv = {"/bin/sleep", "1000"};
  return must(base::spawn(options));
}

base::ProcessId process_of(const base::Child& child) { return must(base::identify(child.pid())); }

/// A VM with a supervisor and a VMM, both of which are sleepers.
struct Vm {
  base::Child supervisor = sleeper();
  base::Child vmm = sleeper();
  Record record;

  Vm(Store& store, const std::string& name, bool remove_when_done) {
    record = named(name);
    record.remove_when_done = remove_when_done;
    record.supervisor = process_of(supervisor);
    record = must(store.create(record));
    record.phase = Phase::kRunning;
    record.vmm = process_of(vmm);
    record.plugin_state = {{"net.toy", {{"table", "fcvm"}}}};
    must(store.save(record));
  }
  void kill_supervisor() {
    must(supervisor.signal(SIGKILL));
    must(supervisor.wait());
  }
};

TEST_CASE("what a killed supervisor left is undone, and the living are left alone") {
  Scratch scratch;
  Store& store = scratch.store;
  Vm kept(store, "kept", false);
  Vm removed(store, "removed", true);
  Vm living(store, "living", true);
  kept.kill_supervisor();
  removed.kill_supervisor();
  std::vector<std::string> undone;
  const RecoverPlugin recover = [&](const Record& record, const std::string& plugin) {
    undone.push_back(record.name + " " + plugin);
    return Result<void>();
  };
  CHECK(must(collect_garbage(store, recover, {.dry_run = true})).size() == 2);
  CHECK(undone.empty());
  CHECK(must(collect_garbage(store, recover)).size() == 2);
  CHECK(undone == std::vector<std::string>{"kept net.toy", "removed net.toy"});
  CHECK(kept.vmm.wait()->signal() == SIGKILL);
  CHECK(removed.vmm.wait()->signal() == SIGKILL);
  CHECK_FALSE(*living.vmm.try_wait());
  const auto record = must(store.find("kept"));
  CHECK(record.phase == Phase::kExited);
  CHECK(record.exit_code == 137);
  CHECK_FALSE(record.error.empty());
  CHECK(record.plugin_state.empty());
  CHECK_FALSE(std::filesystem::exists(store.paths().sockets(kept.record.id)));
  CHECK(std::filesystem::exists(store.paths().sockets(living.record.id)));
  CHECK(store.find("removed").error().code() == ENOENT);
  CHECK(must(collect_garbage(store, recover)).empty());
  std::string events;
  must(read_events(store.paths().events(), {.until_ns = now_ns()}, [&](const LoggedEvent& event) {
    events += event.name + ":" + event.type + " ";
    return true;
  }));
  CHECK(events == "kept:die removed:die removed:remove ");
}

TEST_CASE("a process that has the VMM's pid by now is not killed") {
  Scratch scratch;
  Vm vm(scratch.store, "reused", false);
  --vm.record.vmm.start_time;
  must(scratch.store.save(vm.record));
  vm.kill_supervisor();
  CHECK(must(collect_garbage(scratch.store, {})).size() == 1);
  CHECK_FALSE(*vm.vmm.try_wait());
  CHECK(base::signal_process(vm.record.vmm, SIGKILL).error().code() == ESRCH);
  CHECK(base::wait_for_end(process_of(vm.vmm), base::Deadline::in(std::chrono::milliseconds(20)))
            .error()
            .code() == ETIMEDOUT);
}

TEST_CASE("a plugin that fails keeps its state, and is asked again by a thorough collection") {
  Scratch scratch;
  Vm vm(scratch.store, "stuck", true);
  vm.kill_supervisor();
  bool works = false;
  const RecoverPlugin recover = [&](const Record&, const std::string&) -> Result<void> {
    if (works) return {};
    return fail(EBUSY, "the table is busy");
  };
  CHECK(must(collect_garbage(scratch.store, recover)).size() == 1);
  CHECK(must(scratch.store.find("stuck")).phase == Phase::kExited);
  CHECK(must(collect_garbage(scratch.store, recover, {.thorough = false})).empty());
  works = true;
  const auto stuck = must(scratch.store.find("stuck"));
  SECTION("of all VMs") { CHECK(must(collect_garbage(scratch.store, recover)).size() == 1); }
  SECTION("of this one, as rm does") { must(collect_garbage_of(scratch.store, recover, stuck)); }
  CHECK(scratch.store.find("stuck").error().code() == ENOENT);
}

TEST_CASE("a VM with --rm that exited goes when its supervisor was killed before removing it") {
  Scratch scratch;
  Vm vm(scratch.store, "late", true);
  vm.record.phase = Phase::kExited;
  vm.record.plugin_state.clear();
  must(scratch.store.save(vm.record));
  CHECK(must(collect_garbage(scratch.store, {}, {.thorough = false})).empty());
  vm.kill_supervisor();
  CHECK(must(collect_garbage(scratch.store, {}, {.thorough = false})).size() == 1);
  CHECK(scratch.store.find("late").error().code() == ENOENT);
}

TEST_CASE("directories without a record go; others stay") {
  Scratch scratch;
  Store& store = scratch.store;
  must(store.create(named("one")));
  const auto vms = store.paths().vms();
  for (const auto* name : {"00000000000a", ".removed-00000000000c", "photos"}) {
    std::filesystem::create_directory(vms / name);
  }
  // As old as a jump of the clock makes it.
  std::filesystem::last_write_time(
      vms / "00000000000a",
      std::filesystem::file_time_type::clock::now() + std::chrono::hours(24 * 365));
  CHECK(must(collect_garbage(store, {})).size() == 2);
  CHECK_FALSE(std::filesystem::exists(vms / "00000000000a"));
  CHECK_FALSE(std::filesystem::exists(vms / ".removed-00000000000c"));
  CHECK(std::filesystem::exists(vms / "photos"));
  CHECK(must(store.all()).size() == 1);
}

TEST_CASE("a VM that is just being made is waited for") {
  Scratch scratch;
  must(scratch.store.create(named("one")));
  const auto made = scratch.store.paths().vms() / "00000000000a";
  std::thread collector;
  {
    const auto lock = must(scratch.store.lock_all());
    std::filesystem::create_directory(made);
    collector = std::thread([&] { (void)collect_garbage(scratch.store, {}); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(std::filesystem::exists(made));
  }
  collector.join();
}

TEST_CASE("a record of before a reboot leads to no process of today") {
  Scratch scratch;
  Vm vm(scratch.store, "rebooted", false);
  vm.record.supervisor.boot = vm.record.vmm.boot = "00000000-0000-0000-0000-000000000000";
  must(scratch.store.save(vm.record));
  CHECK(is_garbage(vm.record));
  CHECK(must(collect_garbage(scratch.store, {})).size() == 1);
  CHECK_FALSE(*vm.vmm.try_wait());
  CHECK_FALSE(*vm.supervisor.try_wait());
  CHECK(must(scratch.store.find("rebooted")).phase == Phase::kExited);
}

TEST_CASE("a record of another pid namespace is left alone while its supervisor holds its lock") {
  Scratch scratch;
  Store& store = scratch.store;
  Vm vm(store, "foreign", false);
  vm.record.supervisor.pid_namespace = vm.record.vmm.pid_namespace = 1;
  must(store.save(vm.record));
  {
    const auto held = must(store.supervise(vm.record.id));
    CHECK(must(collect_garbage(store, {})).empty());
    CHECK(must(store.find("foreign")).effective_phase() == Phase::kRunning);
    CHECK(base::signal_process(vm.record.vmm, SIGKILL).error().code() == EXDEV);
    CHECK(store.wait_for_supervisor(vm.record, base::Deadline::in(std::chrono::milliseconds(20)))
              .error()
              .code() == ETIMEDOUT);
  }
  must(store.wait_for_supervisor(vm.record, base::Deadline::in(std::chrono::seconds(5))));
  CHECK(must(store.find("foreign")).effective_phase() == Phase::kExited);
  // No pid of this namespace is touched by it.
  vm.record.created_ns = 1;
  must(store.save(vm.record));
  CHECK(must(collect_garbage(store, {})).size() == 1);
  CHECK_FALSE(*vm.vmm.try_wait());
  CHECK_FALSE(*vm.supervisor.try_wait());
}

TEST_CASE("a damaged record is collected by the one before it") {
  Scratch scratch;
  Vm vm(scratch.store, "damaged", false);
  vm.record.exit_code = 1;
  must(scratch.store.save(vm.record));
  vm.kill_supervisor();
  must(base::write_file_atomic(scratch.store.paths().record(vm.record.id), "{\"format\":"));
  std::vector<std::string> undone;
  const RecoverPlugin recover = [&](const Record&, const std::string& plugin) {
    undone.push_back(plugin);
    return Result<void>();
  };
  CHECK(must(collect_garbage(scratch.store, recover)).size() == 1);
  CHECK(undone == std::vector<std::string>{"net.toy"});
  CHECK(vm.vmm.wait()->signal() == SIGKILL);
  CHECK(must(scratch.store.find("damaged")).phase == Phase::kExited);
}

TEST_CASE("a VM without any record that can be read is set aside, once its supervisor is gone") {
  Scratch scratch;
  Store& store = scratch.store;
  const Record record = must(store.create(named("lost")));
  for (const char* file : {"vm.json", "vm.json.before"}) {
    must(base::write_file_atomic(store.paths().vm(record.id) / file, "\x1b[2Jno record"));
  }
  CHECK(must(store.all()).empty());
  CHECK(must(store.damaged()) == std::vector<std::string>{record.id});
  const auto why = store.load(record.id).error();
  CHECK(why.message().find('\x1b') == std::string::npos);
  CHECK(why.remedy().find("fcvm gc") != std::string::npos);
  SECTION("nobody answers on its socket") {
    const auto done = must(collect_garbage(store, {}));
    REQUIRE(done.size() == 1);
    const auto aside = store.paths().vms() / (".damaged-" + record.id);
    CHECK(done[0].what.find(aside.string()) != std::string::npos);
    CHECK(std::filesystem::exists(aside / "vm.json"));
    CHECK_FALSE(std::filesystem::exists(store.paths().sockets(record.id)));
    CHECK(must(store.damaged()).empty());
  }
  SECTION("its supervisor lives") {
    const Fd sockets =
        must(base::open_file(store.paths().sockets(record.id), O_PATH | O_DIRECTORY));
    const Fd listener = must(base::listen_unix_at(sockets.get(), Paths::kControlSocket));
    CHECK(must(collect_garbage(store, {})).empty());
    CHECK(std::filesystem::exists(store.paths().vm(record.id)));
  }
}

TEST_CASE("while another holds a VM's lock it is left to it") {
  Scratch scratch;
  Vm vm(scratch.store, "locked", false);
  vm.kill_supervisor();
  const auto lock = must(scratch.store.lock(vm.record.id, base::Deadline::never()));
  CHECK(must(collect_garbage(scratch.store, {})).empty());
}

TEST_CASE("the state of plugins is in the record before put returns") {
  Scratch scratch;
  Record record = must(scratch.store.create(named("state")));
  OwnRecord own(scratch.store, record);
  RecordedState state(own);
  must(state.put("net.toy", "b", "1"));
  must(state.put("net.toy", "a", "2"));
  must(state.put("net.toy", "b", "3"));
  using Entries = std::vector<std::pair<std::string, std::string>>;
  CHECK(must(scratch.store.load(record.id)).plugin_state.at("net.toy") ==
        Entries{{"b", "3"}, {"a", "2"}});
  must(state.forget("net.toy", "b"));
  must(state.forget("net.toy", "unknown"));
  CHECK(state.list("net.toy") == Entries{{"a", "2"}});
  must(state.forget("net.toy", "a"));
  CHECK(must(scratch.store.load(record.id)).plugin_state.empty());
  CHECK(state.directory());
}

}  // namespace
}  // namespace fcvm::vm
