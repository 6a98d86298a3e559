// The life of a mount: it begins, serves, and leaves nothing behind, however it ends.
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "core/base/deadline.hpp"
#include "core/base/io/file.hpp"
#include "tests/contract/fusepipe/served.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using fcvm::test::Served;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

bool wait_until(const std::function<bool()>& holds) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(60));
  while (!holds()) {
    if (deadline.expired()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace

TEST_CASE("a mounted directory shows the files of the served one") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served;
  write(served.host("file"), "hello\n");
  std::filesystem::create_directories(served.host("a/b/c"));
  std::filesystem::create_symlink("a/b", served.host("link"));
  CHECK(must(base::read_file(served.mounted("file"))) == "hello\n");
  CHECK(std::filesystem::is_directory(served.mounted("link/c")));
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(served.mounted())) {
    names.insert(entry.path().filename());
  }
  CHECK(names == std::set<std::string>{"a", "file", "link"});

  write(served.mounted("made"), std::string(3 << 20, 'x'));
  CHECK(std::filesystem::file_size(served.host("made")) == 3 << 20);
  CHECK(must(base::read_file(served.mounted("made"))) == std::string(3 << 20, 'x'));
}

TEST_CASE("a mount ends by a signal, and is gone") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served;
  CHECK(served.is_mounted());
  must(served.mount().process().signal(SIGTERM));
  CHECK(served.mount().end() == "exited with 0");
  CHECK_FALSE(served.is_mounted());
  must(served.server().process().signal(SIGTERM));
  CHECK(served.server().end() == "exited with 0");
  CHECK_FALSE(std::filesystem::exists(served.socket()));
}

TEST_CASE("a killed mount is gone, too") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served;
  must(served.mount().process().signal(SIGKILL));
  CHECK(wait_until([&] { return !served.is_mounted(); }));
}

TEST_CASE(
    "when the server is killed, who waits gets an error within a second, and the mount goes") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served;
  write(served.host("file"), "hello\n");
  const int fd = ::open(served.mounted("file").c_str(), O_RDONLY);
  REQUIRE(fd >= 0);
  must(served.server().process().signal(SIGKILL));
  // In vain, and not for long; more than a second on a busy machine.
  struct stat status {};
  CHECK(::stat(served.mounted("other").c_str(), &status) == -1);
  ::close(fd);
  CHECK(served.mount().end() == "exited with 125");
  CHECK_THAT(served.mount().errors(), test::Contains("fusepipe: "));
  CHECK_FALSE(served.is_mounted());
}

TEST_CASE("a persistent mount goes on with the next server") {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  Served served(std::vector<std::string>(), {"--persistent"});
  std::filesystem::create_directories(served.host("a/b"));
  write(served.host("a/b/file"), "hello\n");
  CHECK(must(base::read_file(served.mounted("a/b/file"))) == "hello\n");
  const int fd = ::open(served.mounted("a/b/file").c_str(), O_RDWR);
  must(served.server().process().signal(SIGKILL));
  (void)served.server().end();
  struct stat status {};
  CHECK(::stat(served.mounted("other").c_str(), &status) == -1);
  CHECK(errno == EIO);

  served.start_server();
  CHECK(must(base::read_file(served.mounted("a/b/file"))) == "hello\n");
  CHECK(::write(fd, "x", 1) == -1);
  CHECK((errno == ESTALE || errno == EIO));
  ::close(fd);
}
