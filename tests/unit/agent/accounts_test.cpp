#include "agent/container/accounts.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\nbroken line\nann:x:1000:100::/home/ann:/bin/sh\n"
    "5:x:77:77::/five:/bin/sh\n";
constexpr char kGroup[] = "root:x:0:\nusers:x:100:\naudio:x:29:bob,ann\nvideo:x:44:ann\n";

TEST_CASE("a name brings its ids, groups and home") {
  const auto ann = find_account("ann", kPasswd, kGroup);
  REQUIRE(ann);
  CHECK(ann->uid == 1000);
  CHECK(ann->gid == 100);
  CHECK(ann->groups == std::vector<gid_t>{29, 44});
  CHECK(ann->home == "/home/ann");
}

TEST_CASE("numbers need no entry, and names that are numbers win over them") {
  CHECK(find_account("4711", kPasswd, kGroup)->uid == 4711);
  CHECK(find_account("4711", kPasswd, kGroup)->gid == 0);
  CHECK(find_account("1000", kPasswd, kGroup)->gid == 100);
  CHECK(find_account("5", kPasswd, kGroup)->uid == 77);
}

TEST_CASE("a group given with it replaces the user's own") {
  CHECK(find_account("ann:video", kPasswd, kGroup)->gid == 44);
  CHECK(find_account("ann:video", kPasswd, kGroup)->groups.empty());
  CHECK(find_account("9:9", "", "")->gid == 9);
  CHECK_FALSE(find_account("ann:nobody", kPasswd, kGroup));
  CHECK_FALSE(find_account("nobody", kPasswd, kGroup));
  CHECK_FALSE(find_account("-1", kPasswd, kGroup));
}

TEST_CASE("a number that the kernel takes for no change is nobody's") {
  CHECK(find_account("2147483647", "", "")->uid == 2147483647);
  CHECK_FALSE(find_account("2147483648", "", ""));
  CHECK_FALSE(find_account("4294967295", "", ""));
  CHECK_FALSE(find_account("1:4294967295", "", ""));
  CHECK_FALSE(find_account("bad", "bad:x:4294967295:0::/:/bin/sh", ""));
  CHECK(find_account("ann", "ann:x:1:4294967295::/:/bin/sh", "")->gid == 0);
}

}  // namespace
}  // namespace fcvm::agent
