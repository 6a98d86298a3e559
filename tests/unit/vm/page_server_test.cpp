// A page server and its clones' supervisors, with a memory plugin that writes down what it is asked
// and processes that do nothing for VMMs.
#include "core/vm/memory/page_server.hpp"

#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <sys/eventfd.h>

#include <fcvm/memory.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/base/process/spawn.hpp"
#include "core/vm/memory/own_memory.hpp"
#include "core/vm/memory/page_server_protocol.hpp"
#include "core/vm/memory/served_memory.hpp"
#include "core/vm/model/restore_plan.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

constexpr const char* kOne = "00000000000a";
constexpr const char* kTwo = "00000000000b";
constexpr const char* kSnapshot = "0123456789ab";

class Notebook {
 public:
  void write(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    written_.notify_all();
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  bool wait_for(const std::string& line) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, std::chrono::seconds(20), [&] {
      return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    });
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable written_;
  std::vector<std::string> lines_;
};

Notebook& asked() {
  static Notebook notebook;
  return notebook;
}

class Recorder : public MemoryPlugin {
 public:
  static constexpr Info kInfo{"memory.recorder", "1.0.0", "writes down what it is asked"};

  Result<void> open(const fcvm_memory_request& request, const Call&) {
    asked().write(std::string("open ") + (request.working_set == nullptr ? "" : "a working set"));
    if (request.working_set != nullptr) return fail(EINVAL, "no working set of mine");
    return {};
  }
  Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone& clone, const Call&) {
    const std::string id = clone.clone_id;
    const bool records = (clone.flags & FCVM_CLONE_RECORD) != 0;
    asked().write("attach " + id + (records ? " recorded" : ""));
    if (id == kTwo) return fail(EUSERS, "one is enough", "ask another");
    auto offer = sized<fcvm_memory_offer>();
    offer.type = FCVM_MEMORY_FROM_UFFD;
    put_text(offer.path, "pages");
    return offer;
  }
  Result<void> clone_started(std::string_view id, int) {
    asked().write("started " + std::string(id));
    return {};
  }
  Result<void> prefetch(std::string_view id, const Call&) {
    asked().write("prefetch " + std::string(id));
    return {};
  }
  Result<void> working_set(std::string_view id, int, const char*, const Call&) {
    asked().write("record " + std::string(id));
    return {};
  }
  Result<void> detach_clone(std::string_view id, const Call&) {
    asked().write("detach " + std::string(id));
    return {};
  }
  Result<fcvm_memory_figures> figures() { return sized<fcvm_memory_figures>(); }
  Result<void> close(const Call&) {
    asked().write("close");
    return {};
  }
};

std::unique_ptr<SnapshotMemory::Instance> recorder() {
  auto object =
      must(plugin::Object::from_table(sdk::CommonTable<Recorder, Recorder::Verbs>::table()));
  return must(SnapshotMemory::Instance::create(std::move(object), "memory.recorder",
                                               plugin::Settings(), {}));
}

/// A server that runs, as in `fcvm snapshot serve`.
class Serving {
 public:
  explicit Serving(const Paths& paths) : memory_(recorder()) {
    must(memory_.open(directory_.path(), 4096, base::Deadline::never()));
    server_ = must(PageServer::listen(paths, memory_, kSnapshot));
    thread_ = std::thread([this] { (void)server_->run(stop_.get()); });
  }
  ~Serving() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    server_.reset();
  }

 private:
  base::TempDir directory_ = must(base::TempDir::create());
  SnapshotMemory memory_;
  Fd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::unique_ptr<PageServer> server_;
  std::thread thread_;
};

base::Child idle_process() {
  base::SpawnOptions options;
  options.argv = {"sleep", "1000"};
  return must(base::spawn(options));
}

struct Scene {
  Scene() { asked().clear(); }

  Scratch scratch;
  Paths paths = scratch.store.paths();
  Serving serving{paths};
  Fd directory = must(base::open_file(scratch.directory.path(), O_RDONLY | O_DIRECTORY));
  base::Child vmm = idle_process();

  std::unique_ptr<ServedMemory> clone(const char* id = kOne) {
    auto memory = must(ServedMemory::connect(paths, ::getpid(), id));
    must(memory->offer(directory.get(), soon()));
    return memory;
  }
  static base::Deadline soon() { return base::Deadline::in(std::chrono::seconds(20)); }
  bool vmm_was_killed() { return must(vmm.wait(soon())) == base::ExitStatus::signaled(SIGKILL); }
};

TEST_CASE("a clone is given its memory by a server, which hears of its end") {
  Scene scene;
  CHECK(must(served_snapshot(scene.paths, ::getpid())) == kSnapshot);
  auto memory = scene.clone();
  CHECK(memory->source().type == FCVM_MEMORY_FROM_UFFD);
  CHECK(memory->source().path == std::string("pages"));
  must(memory->started(scene.vmm.pidfd(), true));
  CHECK_FALSE(memory->failure());
  must(scene.vmm.signal(SIGKILL));
  must(scene.vmm.wait(Scene::soon()));
  memory.reset();
  CHECK(asked().wait_for(std::string("detach ") + kOne));
  CHECK(asked().lines() == std::vector<std::string>{std::string("attach ") + kOne + " recorded",
                                                    std::string("started ") + kOne,
                                                    std::string("prefetch ") + kOne,
                                                    std::string("detach ") + kOne});
}

TEST_CASE("a clone whose server ends is ended, and told why") {
  Scene scene;
  auto memory = scene.clone();
  must(memory->started(scene.vmm.pidfd(), false));
  scene.serving.end();
  CHECK(scene.vmm_was_killed());
  const auto failure = memory->failure();
  REQUIRE(failure);
  CHECK(failure->find("has ended") != std::string::npos);
}

TEST_CASE("a VMM whose supervisor has gone is ended by the server") {
  Scene scene;
  {
    auto memory = scene.clone();
    must(memory->started(scene.vmm.pidfd(), false));
  }
  CHECK(scene.vmm_was_killed());
  CHECK(asked().wait_for(std::string("detach ") + kOne));
}

TEST_CASE("a plugin's reason comes to the clone") {
  Scene scene;
  auto memory = must(ServedMemory::connect(scene.paths, ::getpid(), kTwo));
  const auto offered = memory->offer(scene.directory.get(), Scene::soon());
  REQUIRE_FALSE(offered);
  CHECK(offered.error().code() == EUSERS);
  CHECK(offered.error().remedy() == "ask another");
}

TEST_CASE("what is no request is refused, and harms no clone") {
  Scene scene;
  auto memory = scene.clone();
  must(memory->started(scene.vmm.pidfd(), false));
  const auto say = [&](const std::string& line, int fd) {
    const Fd peer = must(connect_page_server(scene.paths, ::getpid()));
    must(send_control_line(peer.get(), line, fd));
    auto answer = receive_control_line(peer.get(), Scene::soon());
    return answer ? answer->text : std::string();
  };
  for (const char* line :
       {"attach\n", "attach ../../x\n", "attach 00000000000A\n", "hello there\n", "\n", "{}\n"}) {
    CHECK(say(line, scene.directory.get()).find("does not know this request") != std::string::npos);
  }
  CHECK(say("attach 00000000000c\n", -1).find("comes with its directory") != std::string::npos);
  CHECK(say("started\n", scene.vmm.pidfd()).find("starts once") != std::string::npos);
  CHECK(say(std::string(kControlLineLimit + 10, 'x'), -1).empty());
  CHECK_FALSE(memory->failure());
}

TEST_CASE("a dead server's socket is found, and no other") {
  const Scene scene;
  const auto dead = scene.paths.page_server(1);
  { const Fd listener = must(base::listen_unix(dead.string())); }
  CHECK(PageServer::collect(scene.paths, true) == std::vector<std::string>{dead.string()});
  CHECK(PageServer::collect(scene.paths, false) == std::vector<std::string>{dead.string()});
  CHECK_FALSE(std::filesystem::exists(dead));
  CHECK(std::filesystem::exists(scene.paths.page_server(::getpid())));
}

TEST_CASE("a working set that cannot be read is removed, and recorded anew") {
  asked().clear();
  const base::TempDir snapshot = must(base::TempDir::create());
  const std::string file = snapshot.path() + "/" + kSnapshotWorkingSet + "memory.recorder";
  { std::ofstream(file) << "cut sho"; }
  SnapshotMemory memory(recorder());
  must(memory.open(snapshot.path(), 4096, Scene::soon()));
  CHECK(asked().lines() == std::vector<std::string>{"open a working set", "open "});
  CHECK(memory.wants_record());
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a clone without a server has a plugin of its own, which ends with it") {
  Scene scene;
  asked().clear();
  const base::TempDir snapshot = must(base::TempDir::create());
  {
    OwnMemory memory(recorder(), kOne, snapshot.path(), 4096);
    must(memory.offer(scene.directory.get(), Scene::soon()));
    must(memory.started(scene.vmm.pidfd(), true));
    CHECK_FALSE(memory.failure());
  }
  CHECK(asked().lines() ==
        std::vector<std::string>{"open ", std::string("attach ") + kOne + " recorded",
                                 std::string("started ") + kOne, std::string("prefetch ") + kOne,
                                 std::string("detach ") + kOne, "close"});
}

}  // namespace
}  // namespace fcvm::vm
