// vmm_driver: does with a VMM plugin what its command line says, without the rest of fcvm, and
// tells in JSON how long each step took. See arguments.cpp for its words.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/poll.hpp"
#include "core/wire/frame.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/ports.hpp"
#include "tests/support/vmm_driver/machine.hpp"
#include "tests/support/vmm_driver/memory.hpp"

namespace {

using namespace driver;
using fcvm::fail;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(20);

class Driver {
 public:
  explicit Driver(const Arguments& arguments)
      : arguments_(arguments), words_(arguments.verbs.begin(), arguments.verbs.end()) {}

  int run() {
    while (!words_.empty()) {
      const std::string word = take();
      const bool fails = word == "fails";
      const std::string verb = fails ? take() : word;
      Json line = {{"verb", verb}};
      const auto begin = Clock::now();
      const auto done = perform(verb, line);
      const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
      line["ms"] = static_cast<double>(static_cast<std::int64_t>(took.count() * 100)) / 100;
      if (!done) {
        line["error"] = done.error().message();
        line["remedy"] = done.error().remedy();
      }
      std::puts(line.dump().c_str());
      std::fflush(stdout);
      if (done.has_value() == fails) return 1;
    }
    return 0;
  }

 private:
  std::string take() {
    if (words_.empty()) {
      std::fputs("vmm_driver: the last verb lacks a word\n", stderr);
      std::exit(2);
    }
    std::string word = words_.front();
    words_.pop_front();
    return word;
  }

  Result<void> perform(const std::string& verb, Json& line) {
    if (verb == "start") return start(take());
    if (verb == "restore" || verb == "restore-paused") {
      const std::string from = take();
      return restore(from, take(), verb != "restore");
    }
    if (verb == "clone") {
      const std::string plugin = take();
      const std::string from = take();
      return clone(plugin, from, take());
    }
    if (machines_.empty()) return fail(ENOTCONN, verb + ": no VM was started");
    Machine& machine = *machines_.back();
    if (verb == "hello") return hello(machine, line);
    if (verb == "pause") return machine.pause();
    if (verb == "resume") return machine.resume();
    if (verb == "kill") return machine.kill();
    if (verb == "record" && !memories_.empty()) return memories_.back()->record();
    if (verb == "snapshot") return machine.snapshot(take(), FCVM_SNAPSHOT_FULL);
    if (verb == "diff") return machine.snapshot(take(), FCVM_SNAPSHOT_DIFF);
    if (verb == "balloon") return balloon(machine, std::stoull(take()) << 20, line);
    if (verb == "status") return status(machine, line);
    return fail(EINVAL, "there is no verb " + verb);
  }

  Result<void> start(const std::string& directory) {
    machines_.push_back(FCVM_TRY(Machine::create(arguments_, directory)));
    return machines_.back()->start();
  }

  Result<void> restore(const std::string& from, const std::string& directory, bool paused) {
    machines_.push_back(FCVM_TRY(Machine::create(arguments_, directory)));
    return machines_.back()->restore(from, nullptr, paused);
  }

  Result<void> clone(const std::string& plugin, const std::string& from,
                     const std::string& directory) {
    const std::string beside = arguments_.plugin.substr(0, arguments_.plugin.rfind('/') + 1);
    memories_.push_back(
        FCVM_TRY(Memory::open(beside + plugin + ".so", from, arguments_.memory_bytes)));
    machines_.push_back(FCVM_TRY(Machine::create(arguments_, directory)));
    Memory& memory = *memories_.back();
    Machine& machine = *machines_.back();
    const auto offer = FCVM_TRY(memory.attach(machine.directory()));
    FCVM_TRY(machine.restore(from, &offer, true));
    const auto now = FCVM_TRY(machine.status());
    FCVM_TRY(memory.started(now.pid));
    FCVM_TRY(memory.prefetch());
    return machine.resume();
  }

  /// The instance tells one boot of the guest from another.
  Result<void> hello(Machine& machine, Json& line) {
    const auto deadline = fcvm::base::Deadline::in(std::chrono::seconds(arguments_.seconds));
    for (;;) {
      auto greeting = greet(machine);
      if (greeting) {
        line["instance"] = greeting->instance;
        line["software"] = greeting->software;
        return {};
      }
      const int code = greeting.error().code();
      if ((code != ECONNREFUSED && code != ENODATA) || deadline.expired()) {
        return fcvm::unexpected(std::move(greeting).error());
      }
      ::usleep(std::chrono::microseconds(kPause).count());
    }
  }

  Result<fcvm::wire::Hello> greet(Machine& machine) {
    const fcvm::Fd fd = FCVM_TRY(machine.connect(fcvm::wire::kControlPort));
    FCVM_TRY(fcvm::base::write_all(fd.get(), fcvm::wire::encode(fcvm::wire::Hello{})));
    fcvm::wire::FrameBuffer buffer(fcvm::wire::kMaxHello);
    for (;;) {
      const auto frame = FCVM_TRY(buffer.next());
      if (frame) return fcvm::wire::decode<fcvm::wire::Hello>(*frame);
      FCVM_TRY(fcvm::base::wait_readable(
          fd.get(), fcvm::base::Deadline::in(std::chrono::seconds(arguments_.seconds))));
      const std::size_t got =
          FCVM_TRY(fcvm::base::read_some(fd.get(), buffer.prepare(fcvm::wire::kMaxHello)));
      if (got == 0) return fail(ENODATA, "the agent closed the stream instead of greeting");
      buffer.commit(got);
    }
  }

  Result<void> balloon(Machine& machine, std::uint64_t bytes, Json& line) {
    FCVM_TRY(machine.set_balloon(bytes));
    const auto deadline = fcvm::base::Deadline::in(std::chrono::seconds(arguments_.seconds));
    for (;;) {
      const auto now = FCVM_TRY(machine.balloon());
      line["target"] = now.target_bytes;
      line["actual"] = now.actual_bytes;
      line["guest_reports"] = (now.flags & FCVM_BALLOON_GUEST_REPORTS) != 0;
      line["total"] = now.total_bytes;
      line["free"] = now.free_bytes;
      if (now.actual_bytes == bytes && line["guest_reports"]) return {};
      if (deadline.expired()) return fail(ETIMEDOUT, "the guest does not give up its memory");
      ::usleep(std::chrono::microseconds(kPause).count());
    }
  }

  Result<void> status(Machine& machine, Json& line) {
    const auto now = FCVM_TRY(machine.status());
    line["state"] = now.state;
    line["pid"] = now.pid;
    line["vmm"] = fcvm::text_of(now.vmm_version);
    line["end"] = fcvm::text_of(now.end_reason);
    // A VM may have none.
    if (const auto figures = machine.balloon()) line["balloon"] = figures->actual_bytes;
    if (memories_.empty()) return {};
    const auto figures = FCVM_TRY(memories_.back()->figures());
    line["faults"] = figures.faults;
    line["bytes_copied"] = figures.bytes_copied;
    line["bytes_prefetched"] = figures.bytes_prefetched;
    line["fault_p50_ns"] = figures.fault_p50_ns;
    line["fault_p99_ns"] = figures.fault_p99_ns;
    return {};
  }

  const Arguments& arguments_;
  std::deque<std::string> words_;
  std::vector<std::unique_ptr<Memory>> memories_;  // outlive their VMs
  std::vector<std::unique_ptr<Machine>> machines_;
};

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const Arguments arguments = read_arguments(argc, argv);
  return Driver(arguments).run();
}
