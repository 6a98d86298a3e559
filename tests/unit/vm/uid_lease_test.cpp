// Users of the host's for VMs.
#include "core/vm/host/uid_lease.hpp"

#include <cerrno>
#include <set>
#include <vector>

#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

TEST_CASE("no two VMs have one user, and a VM's end frees it") {
  const auto directory = *base::TempDir::create();
  const std::string file = directory.path() + "/uids";
  const UidRange range{1000, 1004};
  std::set<uid_t> taken;
  std::vector<UidLease> leases;
  for (int i = 0; i < 4; ++i) {
    auto lease = UidLease::take(file, range, "vm" + std::to_string(i));
    REQUIRE(lease);
    CHECK(lease->uid() > 1000);
    CHECK(lease->uid() <= 1004);
    taken.insert(lease->uid());
    leases.push_back(*std::move(lease));
  }
  CHECK(taken.size() == 4);
  const auto none = UidLease::take(file, range, "one more");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == EAGAIN);
  CHECK(none.error().remedy().find("jail.uids") != std::string::npos);
  const uid_t freed = leases.back().uid();
  leases.pop_back();
  const auto heir = UidLease::take(file, range, "one more");
  REQUIRE(heir);
  CHECK(heir->uid() == freed);
}

TEST_CASE("a range of users is two numbers, neither root's nor nobody's") {
  const auto range = parse_uid_range("3000000000-3000065535");
  REQUIRE(range);
  CHECK(range->first == 3'000'000'000);
  CHECK(range->last == 3'000'065'535);
  for (const char* text : {"", "1", "-", "0-10", "10-5", "10-10", "a-b", "1-4294967295", "1-2x"}) {
    INFO(text);
    const auto refused = parse_uid_range(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("jail.uids") != std::string::npos);
  }
}

}  // namespace
}  // namespace fcvm::vm
