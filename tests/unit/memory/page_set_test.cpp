// Sets of pages.
#include "plugins/memory/common/page_set.hpp"

#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

namespace fcvm::memory {
namespace {

using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Runs runs_of(const PageSet& set) {
  Runs runs;
  for (auto run = set.next(0); run.count > 0; run = set.next(run.first + run.count)) {
    runs.emplace_back(run.first, run.count);
  }
  return runs;
}

TEST_CASE("a set of pages has those that were added, in runs") {
  PageSet set(200);
  CHECK(runs_of(set).empty());
  for (const std::uint64_t page : {0, 1, 5, 62, 63, 64, 65, 127, 199}) set.add(page);
  set.add(1);
  set.remove(5);
  CHECK(runs_of(set) == Runs{{0, 2}, {62, 4}, {127, 1}, {199, 1}});
  CHECK(set.count() == 8);
  CHECK(set.has(64));
  CHECK_FALSE(set.has(5));
  CHECK(set.next(63).first == 63);
  CHECK(set.next(63).count == 3);
  CHECK(set.next(200).count == 0);
}

TEST_CASE("a run may be of whole words, and end with the memory") {
  const auto pages = GENERATE(as<std::uint64_t>(), 63, 64, 65, 128, 1000);
  PageSet set(pages);
  for (std::uint64_t page = 1; page < pages; ++page) set.add(page);
  CHECK(runs_of(set) == Runs{{1, pages - 1}});
  CHECK(set.count() == pages - 1);
}

TEST_CASE("sets of one memory are added") {
  PageSet one(100);
  PageSet other(100);
  one.add(3);
  other.add(3);
  other.add(99);
  one.add(other);
  CHECK(runs_of(one) == Runs{{3, 1}, {99, 1}});
  one.add(PageSet());  // of no memory
  CHECK(one.count() == 2);
}

TEST_CASE("any words make a set that keeps to its memory") {
  const auto set = PageSet::of(70, {~std::uint64_t{0}, ~std::uint64_t{0}, 1});
  CHECK(set.count() == 70);
  CHECK(PageSet::of(128, {}).count() == 0);
  CHECK(PageSet::of(0, {}).next(0).count == 0);
}

}  // namespace
}  // namespace fcvm::memory
