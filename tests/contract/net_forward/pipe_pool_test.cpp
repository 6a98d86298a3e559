// PipePool: pipes come back, and there are pipes also when the user may have no more large ones.
#include "plugins/net/forward/pipe_pool.hpp"

#include "tests/contract/net_forward/sockets.hpp"

using namespace fcvm;
using namespace fcvm::test;

namespace {

/// Before a test of this program has made itself root of a user namespace.
const bool kOrdinaryUser = ::geteuid() != 0;

int size_of(const forward::PooledPipe& pipe) {
  return ::fcntl(pipe.ends.write_end.get(), F_GETPIPE_SZ);
}

void check_works(const forward::PooledPipe& pipe) {
  REQUIRE(::write(pipe.ends.write_end.get(), "ping", 4) == 4);
  char text[4];
  REQUIRE(::read(pipe.ends.read_end.get(), text, 4) == 4);
}

/// Pipes as large as they get, until the user may have no more, or there are enough of them.
std::vector<base::Pipe> use_up_allowance() {
  constexpr std::size_t kEnough = 100;  // fs.pipe-user-pages-soft is 64 of them
  std::vector<base::Pipe> taken;
  while (taken.size() < kEnough) {
    taken.push_back(must(base::Pipe::create()));
    if (::fcntl(taken.back().write_end.get(), F_SETPIPE_SZ, forward::PipePool::kLargeSize) < 0)
      break;
  }
  return taken;
}

}  // namespace

TEST_CASE("a pipe that came back is taken again") {
  forward::PipePool pool;
  auto pipe = must(pool.take());
  const int number = pipe.ends.read_end.get();
  pool.give_back(std::move(pipe));
  CHECK(must(pool.take()).ends.read_end.get() == number);
}

TEST_CASE("a few pipes are large, and those are preferred") {
  forward::PipePool pool;
  std::vector<forward::PooledPipe> taken;
  for (int i = 0; i < 40; ++i) {
    taken.push_back(must(pool.take()));
    CHECK(taken.back().large == (i < forward::PipePool::kMostLarge));
    CHECK((size_of(taken.back()) == forward::PipePool::kLargeSize) == taken.back().large);
    check_works(taken.back());
  }
  // One that is closed makes room for another.
  pool.discard(std::move(taken[0]));
  taken[0] = must(pool.take());
  CHECK(taken[0].large);
  for (auto& pipe : taken) pool.give_back(std::move(pipe));
  CHECK(must(pool.take()).large);
}

TEST_CASE("beyond the user's allowance pipes are small, and work") {
  const auto others = use_up_allowance();
  forward::PipePool pool;
  auto pipe = must(pool.take());
  if (kOrdinaryUser) CHECK_FALSE(pipe.large);  // root's allowance has no end
  check_works(pipe);
  // It is used again, rather than asking for a large one each time.
  const int number = pipe.ends.read_end.get();
  pool.give_back(std::move(pipe));
  CHECK(must(pool.take()).ends.read_end.get() == number);
}
