// Streams to guest ports: by connect() and by the guest socket.
#include <chrono>
#include <filesystem>
#include <poll.h>
#include <random>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

#include "core/base/io/unix_socket.hpp"
#include "tests/contract/vmm/fake_qemu.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

std::string random_bytes(std::size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

/// Sends from a thread and reads meanwhile, as a user of a stream has to.
std::string echo(const base::Fd& fd, const std::string& bytes) {
  std::thread writer([&] {
    (void)base::write_all(fd.get(), bytes);
    ::shutdown(fd.get(), SHUT_WR);
  });
  std::string back = read_to_end(fd);
  writer.join();
  return back;
}

base::Fd dial_socket(Machine& machine, const std::string& words) {
  auto fd = base::connect_unix(machine.path() + "/guest.sock");
  REQUIRE(fd);
  REQUIRE(base::write_all(fd->get(), words));
  return *std::move(fd);
}

std::string read_line(int fd) {
  std::string line;
  for (char byte = 0; byte != '\n';) {
    const auto count = base::read_some(fd, {&byte, 1});
    if (!count || *count == 0) break;
    line += byte;
  }
  return line;
}

long resident_kib() {
  const auto text = base::read_file("/proc/self/statm");
  return text ? std::stol(text->substr(text->find(' '))) * 4 : 0;
}

/// Of this process, in which the plugin is; QEMU is a child.
double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

TEST_CASE("megabytes go there and back, and each end closes by itself") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  const auto fd = machine.connected(7);
  const std::string bytes = random_bytes(8 << 20);
  CHECK((echo(fd, bytes) == bytes));
}

TEST_CASE("a port without listener is refused") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  (void)machine.connected(7);
  base::Fd fd;
  CHECK(machine.connect(999, fd) == -ECONNREFUSED);
  CHECK_THAT(machine.message(), Contains("999"));
}

TEST_CASE("a guest that never answers is given up at the deadline") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  (void)machine.connected(7);
  base::Fd fd;
  CHECK(machine.connect(13, fd, 200) == -ETIMEDOUT);
  CHECK(machine.connected(7));
}

TEST_CASE("what the guest said before it closed arrives") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  CHECK(read_to_end(machine.connected(14)) == "bye");
}

TEST_CASE("a guest that floods fills no memory and starves no other stream") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  const auto flood = machine.connected(8);  // never read
  const auto other = machine.connected(8);
  const long before = resident_kib();
  std::string buffer(1 << 20, '\0');
  for (int i = 0; i < 200; ++i) (void)base::read_some(other.get(), buffer);
  const std::string bytes = random_bytes(1 << 20);
  CHECK((echo(machine.connected(7), bytes) == bytes));
  CHECK(resident_kib() - before < 32 * 1024);
}

TEST_CASE("a guest that reads nothing stops the writer") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  const auto fd = machine.connected(9);
  const std::string block(65536, 'x');
  std::size_t sent = 0;
  for (pollfd out{fd.get(), POLLOUT, 0}; ::poll(&out, 1, 300) > 0 && sent < (16u << 20);) {
    const ssize_t count = ::send(fd.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  CHECK(sent < 2u << 20);
  CHECK(echo(machine.connected(7), "lives") == "lives");
}

TEST_CASE("a guest that breaks the protocol loses its streams and is given a new session") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  const auto old = machine.connected(7);
  base::Fd fd;
  CHECK(machine.connect(12, fd) == -ECONNREFUSED);
  CHECK(read_to_end(old).empty());
  CHECK(echo(machine.connected(7), "again") == "again");
}

TEST_CASE("a guest that fills its port for nothing is read only now and then") {
  for (const std::uint32_t port : {16U, 17U}) {
    INFO(port);
    Machine machine(fake_qemu());
    REQUIRE(machine.start() == 0);
    (void)machine.connected(7);
    base::Fd refused;
    (void)machine.connect(port, refused);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // what is let through at once
    const double before = cpu_seconds();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    CHECK(cpu_seconds() - before < 0.2);
  }
}

TEST_CASE("what a guest writes to its console, and makes QEMU say, takes little of the disk") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  (void)machine.connected(7);
  base::Fd refused;
  (void)machine.connect(18, refused);
  CHECK(echo(machine.connected(7), "lives") == "lives");
  CHECK(machine.kill() == 0);
  for (const std::string name : {"console", "qemu.log"}) {
    std::uintmax_t size = 0;
    for (const auto& entry : std::filesystem::directory_iterator(machine.path())) {
      if (entry.path().filename().string().starts_with(name)) size += entry.file_size();
    }
    INFO(name);
    CHECK(size > 900'000);
    CHECK(size <= 2 << 20);
  }
}

TEST_CASE("many streams at once, from many threads") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  (void)machine.connected(7);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      int raw = -1;
      auto error = sized<fcvm_error>();
      if (machine.verbs().connect(machine.instance(), 7, in_ms(20'000), &raw, &error) != 0) return;
      const base::Fd fd(raw);
      const std::string bytes = random_bytes(100'000 + static_cast<std::size_t>(i));
      if (echo(fd, bytes) == bytes) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == 16);
}

TEST_CASE("the guest socket speaks Firecracker's words") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  (void)machine.connected(7);
  SECTION("accepted; what follows the line is the stream's") {
    const auto fd = dial_socket(machine, "CONNECT 7\nhello");
    CHECK_THAT(read_line(fd.get()), Catch::Matchers::StartsWith("OK "));
    CHECK(echo(fd, " there") == "hello there");
  }
  SECTION("refused is closed") {
    CHECK(read_to_end(dial_socket(machine, "CONNECT 999\n")).empty());
  }
  SECTION("nonsense is closed") {
    CHECK(read_to_end(dial_socket(machine, "CONNECT x\n")).empty());
    CHECK(read_to_end(dial_socket(machine, "HELLO 7\n")).empty());
    CHECK(read_to_end(dial_socket(machine, "CONNECT 99999999999\n")).empty());
    CHECK(read_to_end(dial_socket(machine, std::string(33, 'C'))).empty());
  }
  SECTION("a client that says nothing keeps nobody waiting") {
    const auto silent = dial_socket(machine, "CONN");
    CHECK(echo(machine.connected(7), "x") == "x");
  }
}

TEST_CASE("a killed VM closes its streams") {
  Machine machine(fake_qemu());
  REQUIRE(machine.start() == 0);
  const auto fd = machine.connected(7);
  CHECK(machine.kill() == 0);
  CHECK(read_to_end(fd).empty());
}
