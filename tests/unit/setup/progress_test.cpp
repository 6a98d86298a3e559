#include "core/setup/progress.hpp"

#include <fcntl.h>

#include "core/base/io/pipe.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::setup {
namespace {

TEST_CASE("progress is shown where there is room, and keeps nobody waiting elsewhere") {
  auto pipe = must(base::Pipe::create());
  Progress progress(Progress::Style::kLines, pipe.write_end.get());
  progress.begin("guest", "Debian");
  std::string shown(64, '\0');
  shown.resize(must(base::read_some(pipe.read_end.get(), shown)));
  CHECK(shown == "guest: Debian\n");
  REQUIRE(::fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK) == 0);
  const std::string much(4096, 'x');
  while (::write(pipe.write_end.get(), much.data(), much.size()) > 0) {
  }
  REQUIRE(::fcntl(pipe.write_end.get(), F_SETFL, 0) == 0);
  progress.end("done");  // would wait for ever
}

}  // namespace
}  // namespace fcvm::setup
