#include "core/vm/logs/journal_log.hpp"

#include <chrono>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

/// A journal's end of the socket.
struct Journal {
  Scratch scratch{};
  std::string path = scratch.directory.path() + "/socket";
  Fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

  Journal() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  /// The next entry, or "" when there is none.
  [[nodiscard]] std::string next() const {
    std::string entry(64 << 10, '\0');
    const ssize_t size = ::recv(fd.get(), entry.data(), entry.size(), MSG_DONTWAIT);
    entry.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return entry;
  }
};

std::string message(const std::string& text) {
  std::string field = "MESSAGE\n";
  for (int i = 0; i < 8; ++i) field += static_cast<char>(text.size() >> (8 * i));
  return field + text + "\n";
}

TEST_CASE("each line is an entry, with podman's fields") {
  Journal journal;
  auto log = must(JournalLog::open("0123456789ab", "web", journal.path));
  must(log.write(LogStream::kStdout, "one\ntw"));
  must(log.write(LogStream::kStderr, std::string("o\0ps\n", 5)));
  const std::string fields =
      "CONTAINER_ID=0123456789ab\nCONTAINER_ID_FULL=0123456789ab\nCONTAINER_NAME=web\n"
      "SYSLOG_IDENTIFIER=web\n";
  CHECK(journal.next() == fields + "PRIORITY=6\n" + message("one"));
  CHECK(journal.next() == fields + "PRIORITY=3\n" + message(std::string("o\0ps", 4)));
  CHECK(journal.next().empty());
  must(log.finish());
  CHECK(journal.next() == fields + "PRIORITY=6\n" + message("tw"));
}

TEST_CASE("a journal that reads nothing holds a writer up once, and gets what comes later") {
  Journal journal;
  auto log = must(JournalLog::open("0123456789ab", "web", journal.path));
  std::string lines;
  for (int i = 0; i < 2000; ++i) lines += "a line that no journal reads\n";
  const auto seconds_of = [](const auto& work) {
    const auto began = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  // However many entries the socket holds, the rest finds it full.
  CHECK(seconds_of([&] { must(log.write(LogStream::kStdout, lines)); }) < 4);
  CHECK(seconds_of([&] {
          must(log.write(LogStream::kStderr, lines));
          must(log.write(LogStream::kStdout, "the end"));
          must(log.finish());
        }) < 0.9);
  while (!journal.next().empty()) {
  }
  must(log.write(LogStream::kStdout, "read again\n"));
  CHECK(journal.next().ends_with(message("read again")));
}

TEST_CASE("a long line is several entries, and no journal is not an error") {
  Journal journal;
  auto log = must(JournalLog::open("0123456789ab", "web", journal.path));
  const std::string piece(16 << 10, 'x');
  must(log.write(LogStream::kStdout, piece + piece + "\n"));
  CHECK(journal.next().find("CONTAINER_PARTIAL_MESSAGE=true\n") != std::string::npos);
  const auto last = journal.next();
  CHECK(last.find("PARTIAL") == std::string::npos);
  CHECK(last.ends_with(message(piece)));
  CHECK(journal.next().empty());
  std::filesystem::remove(journal.path);
  must(log.write(LogStream::kStdout, "to nobody\n"));
}

}  // namespace
}  // namespace fcvm::vm
