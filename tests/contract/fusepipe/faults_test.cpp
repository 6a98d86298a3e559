// What goes wrong between the two ends, and what waits: nothing is lost, done twice, or stuck.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "tests/contract/fusepipe/cutter.hpp"
#include "tests/contract/fusepipe/served.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using fcvm::test::Cutter;
using fcvm::test::Served;

namespace {

/// What cannot be done twice: each call succeeds only the first time. The first failure, or empty.
std::string do_each_once(const std::string& directory, int rounds) {
  const auto failed = [](const std::string& what) { return what + ": " + std::strerror(errno); };
  for (int i = 0; i < rounds; ++i) {
    const std::string name = directory + "/" + std::to_string(i);
    if (::mkdir(name.c_str(), 0755) != 0) return failed("mkdir");
    const std::string file = name + "/file";
    const base::Fd fd(::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0644));
    if (!fd) return failed("create");
    for (int line = 0; line < 4; ++line) {
      if (::write(fd.get(), "0123456789", 10) != 10) return failed("append");
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return failed("fstat");
    if (status.st_size != 40) return "appended " + std::to_string(status.st_size);
    const std::string linked = name + "/linked";
    if (::link(file.c_str(), linked.c_str()) != 0) return failed("link");
    if (::rename(file.c_str(), (name + "/renamed").c_str()) != 0) return failed("rename");
    if (::unlink(linked.c_str()) != 0) return failed("unlink");
    if (::unlink((name + "/renamed").c_str()) != 0) return failed("unlink of the last");
    if (::rmdir(name.c_str()) != 0) return failed("rmdir");
  }
  return {};
}

struct flock whole_file(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return range;
}

/// A process of its own, as a lock's owner is one: what `what` returns is its exit code.
pid_t in_process(const std::function<int()>& what) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(what());
  return child;
}

int result_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Waits until the kernel shows a process that waits for a lock of this file.
bool someone_waits_for(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return false;
  const std::string inode = ":" + std::to_string(status.st_ino) + " ";
  const auto deadline = base::Deadline::in(std::chrono::seconds(60));
  while (!deadline.expired()) {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
      if (line.find("->") != std::string::npos && line.find(inode) != std::string::npos)
        return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace

TEST_CASE("what was asked for is done once, however often streams are cut") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served(Served::OnlyServer::kYes);
  const std::string between = served.socket() + "-cut";
  Cutter cutter(between, served.socket());
  served.start_mount("unix:" + between);
  std::atomic<bool> done = false;
  std::atomic<int> cuts = 0;
  std::vector<std::string> failures(4);
  std::vector<std::thread> workers;
  // Each stream ends in the middle of an answer, and all of them now and then at any place.
  cutter.cut_after(20'011);
  for (std::size_t i = 0; i < failures.size(); ++i) {
    workers.emplace_back([&, i] {
      const std::string own = served.mounted("w" + std::to_string(i));
      failures[i] = ::mkdir(own.c_str(), 0755) == 0 ? do_each_once(own, 100) : "mkdir of its own";
    });
  }
  std::thread breaker([&] {
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
      cutter.cut();
      ++cuts;
    }
  });
  for (std::thread& worker : workers) worker.join();
  done = true;
  breaker.join();
  INFO("the mount: " << (served.is_mounted() ? "is there" : served.mount().errors()));
  for (const std::string& failure : failures) CHECK(failure == "");
  CHECK(cuts > 3);
}

TEST_CASE("locks are shared by processes of both sides, and waiting for one keeps nobody else") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served;
  std::ofstream(served.host("file")) << "x";
  const base::Fd host(::open(served.host("file").c_str(), O_RDWR | O_CLOEXEC));
  auto range = whole_file(F_WRLCK);
  REQUIRE(::fcntl(host.get(), F_SETLK, &range) == 0);

  // More than there are queues wait.
  std::vector<pid_t> waiting;
  for (int i = 0; i < 12; ++i) {
    waiting.push_back(in_process([&] {
      const int fd = ::open(served.mounted("file").c_str(), O_RDWR);
      auto wanted = whole_file(F_WRLCK);
      return ::fcntl(fd, F_SETLKW, &wanted) == 0 ? 0 : errno;
    }));
  }
  CHECK(someone_waits_for(served.host("file")));
  const pid_t tries = in_process([&] {
    const int fd = ::open(served.mounted("file").c_str(), O_RDWR);
    auto wanted = whole_file(F_RDLCK);
    return ::fcntl(fd, F_SETLK, &wanted) == 0 ? 0 : errno;
  });
  CHECK(result_of(tries) == EAGAIN);
  CHECK(must(base::read_file(served.mounted("file"))) == "x");

  // A signal ends a wait.
  const pid_t interrupted = in_process([&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    const int fd = ::open(served.mounted("file").c_str(), O_RDWR);
    auto wanted = whole_file(F_WRLCK);
    // Again and again: the first may come before it waits.
    const itimerval often{.it_interval = {0, 200'000}, .it_value = {0, 200'000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    return ::fcntl(fd, F_SETLKW, &wanted) == 0 ? 0 : errno;
  });
  CHECK(result_of(interrupted) == EINTR);
  ::kill(waiting.back(), SIGKILL);
  CHECK(result_of(waiting.back()) == -SIGKILL);
  waiting.pop_back();

  range.l_type = F_UNLCK;
  REQUIRE(::fcntl(host.get(), F_SETLK, &range) == 0);
  for (const pid_t child : waiting) CHECK(result_of(child) == 0);
  // All have ended, and have left no lock.
  range.l_type = F_WRLCK;
  REQUIRE(::fcntl(host.get(), F_GETLK, &range) == 0);
  CHECK(range.l_type == F_UNLCK);
}

TEST_CASE("flock() is shared by both sides") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served;
  std::ofstream(served.host("file")) << "x";
  const base::Fd host(::open(served.host("file").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(::flock(host.get(), LOCK_EX) == 0);
  const pid_t child = in_process([&] {
    const int fd = ::open(served.mounted("file").c_str(), O_RDWR);
    if (::flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return 1;
    return ::flock(fd, LOCK_EX) == 0 ? 0 : errno;
  });
  CHECK(someone_waits_for(served.host("file")));
  REQUIRE(::flock(host.get(), LOCK_UN) == 0);
  CHECK(result_of(child) == 0);
}

TEST_CASE("of a directory that is served for reading nothing changes") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served({"--ro"});
  std::ofstream(served.host("file")) << "x";
  CHECK(must(base::read_file(served.mounted("file"))) == "x");
  const auto refused = [](int result) { return result == -1 && errno == EROFS; };
  CHECK(refused(::open(served.mounted("file").c_str(), O_RDWR | O_CLOEXEC)));
  CHECK(refused(::open(served.mounted("new").c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0644)));
  CHECK(refused(::open(served.mounted("file").c_str(), O_RDONLY | O_TRUNC | O_CLOEXEC)));
  CHECK(refused(::unlink(served.mounted("file").c_str())));
  CHECK(refused(::mkdir(served.mounted("d").c_str(), 0755)));
  CHECK(refused(::chmod(served.mounted("file").c_str(), 0600)));
  CHECK(refused(::rename(served.mounted("file").c_str(), served.mounted("g").c_str())));
}

TEST_CASE("a server with few descriptors still serves many files") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served(Served::OnlyServer::kYes, {}, 256);
  served.start_mount(served.stream());
  constexpr int kFiles = 300;
  for (int i = 0; i < kFiles; ++i) {
    REQUIRE(::mkdir(served.host("d" + std::to_string(i)).c_str(), 0755) == 0);
    std::ofstream(served.host("d" + std::to_string(i) + "/file")) << i;
  }
  // Its directory is known and given up for the others; it is found again when it is used.
  const base::Fd first(::open(served.mounted("d0").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const base::Fd unlinked(::open(served.mounted("d1/file").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::unlink(served.mounted("d1/file").c_str()) == 0);
  for (int round = 0; round < 2; ++round) {
    for (int i = 2; i < kFiles; ++i) {
      const auto text = base::read_file(served.mounted("d" + std::to_string(i) + "/file"));
      if (!text || *text != std::to_string(i)) FAIL(i);
    }
  }
  CHECK(base::open_at(first.get(), "file", O_RDONLY).has_value());
  struct stat status {};
  CHECK(::fstat(unlinked.get(), &status) == 0);
  char letter = 0;
  CHECK(::pread(unlinked.get(), &letter, 1, 0) == 1);
  CHECK(letter == '1');
  CHECK(::rename(served.mounted("d5").c_str(), served.mounted("e5").c_str()) == 0);
  CHECK(must(base::read_file(served.mounted("e5/file"))) == "5");
}
