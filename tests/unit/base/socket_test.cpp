#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/io/unix_socket.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

int count_open_fds() {
  int count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

TEST_CASE("several descriptors travel with their bytes") {
  SocketPair sockets = must(SocketPair::create());
  Pipe pipe = must(Pipe::create());
  const int sent[] = {pipe.read_end.get(), pipe.write_end.get(), 0};
  must(send_fds(sockets.first.get(), "hello", sent));
  ReceivedFds received = must(receive_fds(sockets.second.get(), 100, 3));
  CHECK(received.bytes == "hello");
  REQUIRE(received.fds.size() == 3);
  for (const Fd& fd : received.fds) CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  must(write_all(received.fds[1].get(), "through"));
  char bytes[7];
  must(read_exact(pipe.read_end.get(), bytes));
  CHECK(std::string(bytes, 7) == "through");
}

TEST_CASE("more descriptors than wanted are refused, and none stays open") {
  const int allowed = GENERATE(0, 1, 2, 3, 4);
  SocketPair sockets = must(SocketPair::create());
  const int sent[] = {0, 0, 0, 0, 0};
  must(send_fds(sockets.first.get(), "x", sent));
  const int before = count_open_fds();
  const auto received = receive_fds(sockets.second.get(), 10, static_cast<std::size_t>(allowed));
  REQUIRE_FALSE(received);
  CHECK(received.error().code() == EMSGSIZE);
  CHECK(count_open_fds() == before);
}

TEST_CASE("a packet that was cut is refused with its descriptors") {
  SocketPair sockets = must(SocketPair::create(SOCK_SEQPACKET));
  const int sent[] = {0};
  must(send_fds(sockets.first.get(), "too long", sent));
  const int before = count_open_fds();
  CHECK(receive_fds(sockets.second.get(), 3, 1).error().code() == EMSGSIZE);
  CHECK(count_open_fds() == before);
}

TEST_CASE("the end of the stream is empty, and sending into it is EPIPE without a signal") {
  SocketPair sockets = must(SocketPair::create());
  must(sockets.first.close());
  CHECK(must(receive_fds(sockets.second.get(), 10, 1)).bytes.empty());
  CHECK(send_fds(sockets.second.get(), "x", {}).error().code() == EPIPE);
  CHECK(send_fds(sockets.second.get(), "", {}).error().code() == EINVAL);
}

TEST_CASE("a socket's path may be far longer than 108 bytes") {
  TempDir dir = must(TempDir::create());
  const std::string deep = dir.path() + "/" + std::string(100, 'a') + "/" + std::string(100, 'b');
  must(make_directories(deep));
  const std::string path = deep + "/control.sock";
  const mode_t umask_before = ::umask(0);
  const Fd listener = must(listen_unix(path, 0600));
  ::umask(umask_before);
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  const Fd client = must(connect_unix(path));
  const Fd server = must(accept_connection(listener.get()));
  must(write_all(client.get(), "hi"));
  char bytes[2];
  must(read_exact(server.get(), bytes));
  CHECK(listen_unix(path).error().code() == EADDRINUSE);
  CHECK(connect_unix(deep + "/other.sock").error().code() == ENOENT);
  CHECK(listen_unix(deep + "/" + std::string(200, 'c')).error().code() == ENAMETOOLONG);
  CHECK(connect_unix(deep + "/" + std::string(300, 'c')).error().code() == ENAMETOOLONG);
}

TEST_CASE("a link to a socket is not connected to, nor is another file") {
  const TempDir dir = must(TempDir::create());
  const Fd listener = must(listen_unix(dir.path() + "/other.sock"));
  REQUIRE(::symlink("other.sock", (dir.path() + "/guest.sock").c_str()) == 0);
  must(write_file_atomic(dir.path() + "/file", ""));
  for (const char* name : {"/guest.sock", "/file"}) {
    const auto connected = connect_unix(dir.path() + name);
    REQUIRE_FALSE(connected);
    CHECK(connected.error().code() == ENOTSOCK);
  }
  CHECK(connect_unix(dir.path() + "/other.sock"));
}

}  // namespace
}  // namespace fcvm::base
