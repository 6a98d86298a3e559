#include "core/base/io/shared_writer.hpp"

#include <climits>
#include <csignal>
#include <fcntl.h>

#include "core/base/io/pipe.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::base {
namespace {

TEST_CASE("a shared writer never blocks, loses nothing, and leaves the descriptor as it was") {
  auto pipe = Pipe::create();
  REQUIRE(pipe);
  const int flags = ::fcntl(pipe->write_end.get(), F_GETFL);
  SharedWriter writer(pipe->write_end.get());
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string block(1000, static_cast<char>('a' + i % 26));
    REQUIRE(writer.put(block));
    all += block;
  }
  CHECK_FALSE(writer.empty());  // a pipe holds 64 KiB
  std::string seen;
  std::string chunk(10'000, '\0');
  while (!writer.empty()) {
    seen.append(chunk, 0, *read_some(pipe->read_end.get(), chunk));
    REQUIRE(writer.flush());
  }
  CHECK(::fcntl(pipe->write_end.get(), F_GETFL) == flags);
  pipe->write_end.reset();
  seen += *read_all(pipe->read_end.get(), 1 << 20);
  CHECK(seen == all);
}

TEST_CASE("a shared writer tells of a reader that has gone, and swallows what comes after") {
  ::signal(SIGPIPE, SIG_IGN);
  auto pipe = Pipe::create();
  REQUIRE(pipe);
  SharedWriter writer(pipe->write_end.get());
  pipe->read_end.reset();
  CHECK(writer.put("x").error().code() == EPIPE);
  writer.close();
  CHECK(writer.put("y").has_value());
  CHECK(writer.empty());
  CHECK(SharedWriter(-1).put("z").has_value());
}

}  // namespace
}  // namespace fcvm::base
