#include "core/base/io/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/deadline.hpp"
#include "core/base/io/fd_name.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/unit/base/support.hpp"

namespace fcvm::base {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_CASE("an Fd closes what it owns, once") {
  Fd fd = must(open_file("/dev/null", O_RDONLY));
  const int number = fd.get();
  CHECK((::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0);
  Fd copy = must(fd.duplicate());
  CHECK((::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
  Fd moved = std::move(fd);
  must(moved.close());
  CHECK_FALSE(is_open(number));
  must(moved.close());
  copy = Fd();
  CHECK_FALSE(copy.valid());
}

TEST_CASE("messages name what a descriptor is") {
  const Fd directory = must(open_file("/", O_RDONLY));
  CHECK(read_all(directory.get(), 10).error().message() == "reading /: Is a directory");
  const Fd full = must(open_file("/dev/full", O_WRONLY));
  CHECK(write_all(full.get(), "x").error().message() ==
        "writing /dev/full: No space left on device");
  int ends[2] = {};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  CHECK(wait_readable(reader.get(), Deadline::in(milliseconds(1))).error().message() ==
        "waiting to read a pipe: timed out");
  CHECK(fd_name(STDOUT_FILENO) == "standard output");
  CHECK(fd_name(-1) == "a closed descriptor");
}

TEST_CASE("opening what is not there names it") {
  const auto missing = open_file("/nonexistent/file", O_RDONLY);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == ENOENT);
  CHECK(missing.error().message() == "opening /nonexistent/file: No such file or directory");
}

TEST_CASE("reading keeps to its limit and says when the end came early") {
  Pipe pipe = must(Pipe::create());
  must(write_all(pipe.write_end.get(), "12345"));
  must(pipe.write_end.close());
  char two[2];
  must(read_exact(pipe.read_end.get(), two));
  char four[4];
  CHECK(read_exact(pipe.read_end.get(), four).error().code() == ENODATA);

  pipe = must(Pipe::create());
  must(write_all(pipe.write_end.get(), "12345"));
  must(pipe.write_end.close());
  Fd again = must(pipe.read_end.duplicate());
  CHECK(read_all(again.get(), 4).error().code() == EFBIG);
  pipe = must(Pipe::create());
  must(write_all(pipe.write_end.get(), "12345"));
  must(pipe.write_end.close());
  CHECK(must(read_all(pipe.read_end.get(), 5)) == "12345");
}

TEST_CASE("waiting ends at the deadline") {
  Pipe pipe = must(Pipe::create());
  CHECK(wait_readable(pipe.read_end.get(), Deadline::in(milliseconds(20))).error().code() ==
        ETIMEDOUT);
  must(write_all(pipe.write_end.get(), "x"));
  must(wait_readable(pipe.read_end.get(), Deadline::in(milliseconds(20))));
}

TEST_CASE("a deadline knows never, the past and the far future") {
  CHECK(Deadline::never().as_poll_ms() == -1);
  CHECK_FALSE(Deadline::never().expired());
  CHECK(Deadline::never().as_ns() == Deadline::kNeverNs);
  CHECK(Deadline::in(milliseconds(-5)).expired());
  CHECK(Deadline::in(milliseconds(-5)).as_poll_ms() == 0);
  CHECK(Deadline::in(std::chrono::microseconds(100)).as_poll_ms() <= 1);
  CHECK(Deadline::in(hours::max()).is_never());
  CHECK(Deadline::in(hours(24 * 365)).as_poll_ms() == INT_MAX);
  const Deadline soon = Deadline::in(milliseconds(500));
  CHECK(Deadline::at_ns(soon.as_ns()).remaining() <= milliseconds(500));
  CHECK(soon.remaining() > milliseconds(100));
}

TEST_CASE("a temporary directory goes with its owner unless kept") {
  std::string gone;
  std::string kept;
  {
    TempDir first = must(TempDir::create());
    TempDir second = must(TempDir::create(first.path(), "kept-"));
    gone = first.path();
    kept = second.keep();
    CHECK(::access(kept.c_str(), F_OK) == 0);
    (void)first.keep();
  }
  CHECK(::access(kept.c_str(), F_OK) == 0);
  { TempDir removed = must(TempDir::create(gone)); }
  CHECK(::rmdir(kept.c_str()) == 0);
  CHECK(::rmdir(gone.c_str()) == 0);
}

}  // namespace
}  // namespace fcvm::base
