// memory.uffd over and over: clones that come and go, and end at any moment. Prints its seed.
#include <cstdio>
#include <random>

#include "tests/contract/memory/served_clone.hpp"

namespace fcvm::test {
namespace {

constexpr int kRounds = 60;
constexpr std::size_t kAtOnce = 20;

class Storm {
 public:
  explicit Storm(unsigned seed) : random_(seed) {
    snapshot_.write_layer("memory", "abcdefgh....mnop");
    snapshot_.write_working_set("pages", {1, 2, 5, 9, 14});
    REQUIRE(server_.open(snapshot_, {"memory"}, "pages") == 0);
  }

  void round(int number) {
    CAPTURE(number);
    std::vector<std::unique_ptr<Clone>> clones;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      ids.push_back(std::to_string(number) + "-" + std::to_string(i));
      clones.push_back(std::make_unique<Clone>(server_, ids.back().c_str()));
      REQUIRE(server_.started(ids.back().c_str(), *clones.back()->vmm) == 0);
    }
    std::vector<std::int32_t> answers(kAtOnce);
    std::vector<std::thread> prefetches;
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      prefetches.emplace_back([&, i] { answers[i] = server_.prefetch(ids[i].c_str()); });
      clones[i]->vmm->touch(random_() % kPages * kPage);
    }
    std::vector<bool> killed(kAtOnce);
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      killed[i] = random_() % 3 == 0;
      if (killed[i]) clones[i]->vmm->kill();
    }
    for (auto& prefetch : prefetches) prefetch.join();
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      if (killed[i]) {
        CHECK((answers[i] == 0 || answers[i] == -ESRCH));
      } else {
        CHECK(answers[i] == 0);
        check(*clones[i]);
      }
      // Those that live are ended by it.
      CHECK(server_.detach(ids[i].c_str()) == 0);
    }
    CHECK(server_.health() == 0);
  }

 private:
  static void check(Clone& clone) {
    const std::string expected("abcdefgh\0\0\0\0mnop", kPages);
    (void)clone.vmm->answer(5000);  // to the touch
    for (std::uint64_t i = 0; i < kPages; ++i) CHECK(clone.vmm->page(i * kPage) == expected[i]);
  }

  std::mt19937 random_;
  Directory snapshot_;
  Server server_{{{"piece", FCVM_OPTION_SIZE, 4 * kPage}}};
};

TEST_CASE("clones that end at any moment trouble no other", "[.storm]") {
  NEEDS_USERFAULTFD();
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  { const Server loaded; }
  std::thread([] {}).join();  // a sanitizer has one of its own from then on
  const auto fds = open_fds();
  const auto alone = threads();
  {
    Storm storm(seed);
    for (int i = 0; i < kRounds; ++i) storm.round(i);
  }
  CHECK(open_fds() == fds);
  CHECK(soon_is([&] { return threads() == alone; }));
}

}  // namespace
}  // namespace fcvm::test
