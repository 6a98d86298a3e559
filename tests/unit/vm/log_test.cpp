// Standard error as a log has it: its reader may have stopped to read.
#include "core/log/log.hpp"

#include <chrono>
#include <poll.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::log {
namespace {

/// A pipe in the place of standard error.
class StderrPipe {
 public:
  StderrPipe() : pipe_(must(base::Pipe::create())), usual_(::dup(STDERR_FILENO)) {
    REQUIRE(::dup2(pipe_.write_end.get(), STDERR_FILENO) == STDERR_FILENO);
    configure(Level::kWarning, Format::kText);
  }
  StderrPipe(const StderrPipe&) = delete;
  StderrPipe& operator=(const StderrPipe&) = delete;
  ~StderrPipe() {
    ::dup2(usual_.get(), STDERR_FILENO);
    configure(Level::kWarning, Format::kText);
  }
  /// What is in it.
  [[nodiscard]] std::string read() const {
    std::string all;
    std::string chunk(64 << 10, '\0');
    for (pollfd polled{pipe_.read_end.get(), POLLIN, 0}; ::poll(&polled, 1, 0) > 0;) {
      all += chunk.substr(0, must(base::read_some(pipe_.read_end.get(), chunk)));
    }
    return all;
  }

 private:
  base::Pipe pipe_;
  Fd usual_;
};

TEST_CASE("a log does not wait for a reader that has stopped to read") {
  std::string first;
  std::string then;
  double seconds = 0;
  {
    const StderrPipe pipe;
    const std::string text(1000, 'x');
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) warning("vm", "{} {}", i, text);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    first = pipe.read();
    warning("vm", "the next one");
    then = pipe.read();
  }
  CHECK(seconds < 5);
  CHECK(first.find("vm: 0 xxx") != std::string::npos);
  CHECK(then.find("dropped before this, as nobody read it: ") != std::string::npos);
  CHECK(then.ends_with("vm: the next one\n"));
}

TEST_CASE("a record that is larger than a pipe is not waited for, either") {
  std::string said;
  {
    const StderrPipe pipe;
    warning("vm", "{}", std::string(256 << 10, 'y'));
    said = pipe.read();
    warning("vm", "after it");
    said += pipe.read();
    warning("vm", "and after that");
    for (std::string more; !(more = pipe.read()).empty();) said += more;
  }
  CHECK(said.find("vm: yyy") != std::string::npos);
}

}  // namespace
}  // namespace fcvm::log
