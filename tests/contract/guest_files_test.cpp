// Files of a guest for a program: core/vm/client/guest_files against the agent, on Unix sockets.
#include "core/vm/client/guest_files.hpp"

#include <atomic>
#include <sys/stat.h>
#include <thread>

#include "core/base/process/namespaces.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::tests {
namespace {

using namespace std::chrono_literals;
using vm::GuestFiles;
using Kind = wire::FileEventKind;

base::Deadline soon() { return base::Deadline::in(30s); }

vm::DialGuest dial_of(const RunningAgent& agent) {
  return [&agent](std::uint32_t port, base::Deadline) { return agent.connect(port); };
}

std::string read_all(vm::FileReader reader) {
  std::string all;
  std::vector<char> piece(100'000);
  while (const auto got = must(reader.read(piece, soon()))) all.append(piece.data(), got);
  return all;
}

wire::FileEntry write_all(const GuestFiles& files, const std::string& path,
                          const std::string& bytes) {
  auto writer = must(files.write(path, soon()));
  must(writer.write(bytes, soon()));
  return must(writer.finish(soon()));
}

/// The guest itself, with a directory in it.
struct Guest {
  [[nodiscard]] std::string at(const std::string& name) const {
    return directory.path() + "/" + name;
  }

  RunningAgent agent;
  base::TempDir directory = must(base::TempDir::create());
  GuestFiles files{dial_of(agent), "", wire::ExecPlace::kGuest};
};

TEST_CASE("files: written, looked at, listed, moved, read and removed") {
  const Guest guest;
  const auto& files = guest.files;
  const auto written = write_all(files, guest.at("a/f"), "text");
  CHECK(written.path == guest.at("a/f"));
  CHECK(written.size == 4);
  CHECK(must(files.stat(guest.at("a"), soon())).kind == wire::FileKind::kDirectory);
  CHECK(must(files.make_directory(guest.at("b/c"), soon())).name == "c");
  CHECK(files.make_directory(guest.at("b/c"), soon()).error().code() == EEXIST);
  CHECK(must(files.list(guest.directory.path(), 1, soon())).size() == 2);
  CHECK(must(files.list(guest.directory.path(), 2, soon())).size() == 4);
  CHECK(must(files.move(guest.at("a/f"), guest.at("b/g"), soon())).path == guest.at("b/g"));
  CHECK(read_all(must(files.read(guest.at("b/g"), soon()))) == "text");
  must(files.remove(guest.at("b"), soon()));
  const auto gone = files.stat(guest.at("b"), soon());
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code() == ENOENT);
  CHECK(gone.error().message().find(guest.at("b")) != std::string::npos);
  CHECK(files.read(guest.at("b"), soon()).error().code() == ENOENT);
  CHECK(files.read(guest.at("a"), soon()).error().code() == EISDIR);
  CHECK(files.stat(std::string("/etc\0/x", 7), soon()).error().code() == EINVAL);
}

TEST_CASE("files: fifty megabytes go in and come out as they are") {
  const Guest guest;
  std::string piece(1 << 20, '\0');
  auto writer = must(guest.files.write(guest.at("large"), soon()));
  const auto fill = [&](int round) {
    for (std::size_t i = 0; i < piece.size(); ++i)
      piece[i] = static_cast<char>(i * 7 + i / 251 + round);
  };
  for (int round = 0; round < 50; ++round) {
    fill(round);
    must(writer.write(piece, soon()));
  }
  CHECK(must(writer.finish(soon())).size == 50U << 20);
  auto reader = must(guest.files.read(guest.at("large"), soon()));
  std::vector<char> got(1 << 20);
  for (int round = 0; round < 50; ++round) {
    for (std::size_t have = 0; have < got.size();) {
      const auto some = must(reader.read({got.data() + have, got.size() - have}, soon()));
      REQUIRE(some > 0);
      have += some;
    }
    fill(round);
    REQUIRE(std::string_view(got.data(), got.size()) == piece);
  }
  CHECK(must(reader.read(got, soon())) == 0);
}

TEST_CASE("files: a list that is too long for a host to hold is refused") {
  const Guest guest;
  for (std::size_t i = 0; i <= GuestFiles::kMostEntries; ++i) {
    REQUIRE(base::open_file(guest.at(std::to_string(i)), O_WRONLY | O_CREAT).has_value());
  }
  CHECK(guest.files.list(guest.directory.path(), 1, soon()).error().code() == EMSGSIZE);
  must(guest.files.remove(guest.at("0"), soon()));
  CHECK(must(guest.files.list(guest.directory.path(), 1, soon())).size() ==
        GuestFiles::kMostEntries);
}

TEST_CASE("files: a writer that is dropped leaves nothing, and what was there stays") {
  const Guest guest;
  write_all(guest.files, guest.at("f"), "old");
  {
    auto writer = must(guest.files.write(guest.at("f"), soon()));
    must(writer.write("half", soon()));
    // It has begun: there is a file beside the old one.
    while (must(guest.files.list(guest.directory.path(), 1, soon())).size() < 2) {
    }
  }
  while (must(guest.files.list(guest.directory.path(), 1, soon())).size() > 1) {
  }
  CHECK(read_all(must(guest.files.read(guest.at("f"), soon()))) == "old");
}

TEST_CASE("files: what a guest cannot write is told while it is being sent") {
  const Guest guest;
  write_all(guest.files, guest.at("f"), "");
  auto writer = must(guest.files.write(guest.at("f/g"), soon()));
  const std::string piece(1 << 20, 'x');
  Result<void> sent;
  for (int i = 0; i < 100 && sent; ++i) sent = writer.write(piece, soon());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code() == ENOTDIR);
}

TEST_CASE("files: a directory is watched until it goes") {
  const Guest guest;
  must(guest.files.make_directory(guest.at("d"), soon()));
  auto watch = must(guest.files.watch(guest.at("d"), {.recursive = true, .entries = true}, soon()));
  write_all(guest.files, guest.at("d/in/f"), "text");
  const auto next = [&] { return must(watch.next(soon())).value(); };
  CHECK(next().name == "in");
  auto event = next();
  CHECK(event.kind == Kind::kCreate);
  CHECK(event.name == "in/f");
  REQUIRE(event.entry);
  CHECK(event.entry->size == 4);
  while (event.kind != Kind::kWrite) event = next();
  CHECK(event.name == "in/f");
  must(guest.files.remove(guest.at("d"), soon()));
  for (;;) {
    const auto last = must(watch.next(soon()));
    if (!last) break;
    CHECK(last->kind == Kind::kRemove);
  }
  CHECK(guest.files.watch(guest.at("d"), {}, soon()).error().code() == ENOENT);
}

TEST_CASE("files: a cancel from another thread ends what waits, and a deadline does") {
  const Guest guest;
  auto watch = must(guest.files.watch(guest.directory.path(), {}, soon()));
  CHECK(watch.next(base::Deadline::in(10ms)).error().code() == ETIMEDOUT);
  std::thread canceller([&] { watch.cancel(); });
  CHECK_FALSE(watch.next(base::Deadline::never()));
  canceller.join();
  CHECK_FALSE(watch.next(soon()));
}

TEST_CASE("files: a user that is not there is told apart from a file that is not") {
  const Guest guest;
  const GuestFiles files(dial_of(guest.agent), "nobody-of-that-name", wire::ExecPlace::kGuest);
  CHECK(files.stat("/", soon()).error().code() == wire::kNoSuchUser);
  const GuestFiles inside(dial_of(guest.agent), "");
  CHECK(inside.stat("/", soon()).error().code() == ESRCH);
}

/// A container with a root of its own, which has the machine's programs and a user "app".
struct Box {
  Box() {
    const auto add = [&](const std::string& name, const std::string& text) {
      must(base::make_directories(root.path() + "/etc"));
      must(base::write_file_atomic(root.path() + "/" + name, text));
    };
    add("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1234:2345::/home/app:/bin/sh\n");
    add("etc/group", "root:x:0:\napps:x:2345:\nmore:x:77:app\n");
    for (const char* made : {"/usr", "/home/app", "/root", "/tmp"}) {
      must(base::make_directories(root.path() + made));
    }
    REQUIRE(::chmod(root.path().c_str(), 0755) == 0);
    REQUIRE(::chmod((root.path() + "/tmp").c_str(), 01777) == 0);
    REQUIRE(::chown((root.path() + "/home/app").c_str(), 1234, 2345) == 0);
    control.say(wire::Attach{});
    wire::Boot boot;
    boot.id = 1;
    boot.plan.container.image = "test";
    boot.plan.container.command = {
        "unshare", "-m", "sh", "-c",
        "cd " + root.path() +
            " && mount --rbind /usr usr && ln -s usr/bin usr/lib usr/lib64 . && "
            "exec chroot . sh -c 'echo begun; exec sleep 100'"};
    control.say(boot);
    Connection output = agent.dial(wire::kOutputPort);
    output.say(wire::OutputAttach{});
    for (;;) {
      const auto frame = output.next();
      REQUIRE(frame);
      if (frame->type == wire::kStreamDataType) break;
    }
  }
  [[nodiscard]] GuestFiles as(const std::string& user) const { return {dial_of(agent), user}; }

  base::TempDir root = must(base::TempDir::create());
  RunningAgent agent;
  Connection control = agent.dial(wire::kControlPort);
};

bool may_unshare() { return ::geteuid() == 0 && base::Namespace::new_net().has_value(); }

TEST_CASE("files: in a container, paths and links lead nowhere but inside") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const auto outside = must(base::TempDir::create());
  must(base::write_file_atomic(outside.path() + "/secret", "secret"));
  const Box box;
  const auto files = box.as("");
  const std::string up = "../../../../../..";
  CHECK(files.stat(outside.path(), soon()).error().code() == ENOENT);
  CHECK(files.stat(up + outside.path() + "/secret", soon()).error().code() == ENOENT);
  // Links that the container made, to begin with a path of the guest's and to climb.
  const std::string link = box.root.path() + "/link";
  REQUIRE(::symlink((outside.path() + "/secret").c_str(), link.c_str()) == 0);
  REQUIRE(::symlink(("/" + up + outside.path()).c_str(), (box.root.path() + "/climb").c_str()) ==
          0);
  CHECK(files.read("/link", soon()).error().code() == ENOENT);
  CHECK(files.read("/climb/secret", soon()).error().code() == ENOENT);
  auto writer = must(files.write("/climb/new", soon()));
  CHECK_FALSE(writer.finish(soon()));
  CHECK(must(files.stat("/link", soon())).kind == wire::FileKind::kLink);
  CHECK(must(base::read_file(outside.path() + "/secret")) == "secret");
  write_all(files, "/../../new", "x");
  CHECK(must(base::read_file(box.root.path() + "/new")) == "x");
}

TEST_CASE("files: in a container, a user is who it is there, from its home") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const Box box;
  const auto app = box.as("app");
  const auto entry = write_all(app, "notes/a", "x");
  CHECK(entry.path == "/home/app/notes/a");
  CHECK(entry.uid == 1234);
  CHECK(entry.owner == "app");
  CHECK(entry.group == "apps");
  CHECK(must(app.stat("~/notes", soon())).uid == 1234);
  CHECK(must(box.as("1234").stat("notes", soon())).owner == "app");
  CHECK(must(box.as("").stat("", soon())).path == "/root");
  CHECK(app.make_directory("/etc/mine", soon()).error().code() == EACCES);
  auto writer = must(app.write("/etc/passwd", soon()));
  CHECK(writer.finish(soon()).error().code() == EACCES);
  write_all(box.as(""), "/tmp/roots", "");
  CHECK(app.remove("/tmp/roots", soon()).error().code() == EPERM);
  CHECK(box.as("nobody").stat("/", soon()).error().code() == wire::kNoSuchUser);
}

}  // namespace
}  // namespace fcvm::tests
