// A network namespace for a test to build in: the test program itself moves into it, so its own
// assertions see what it made.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <string>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {

/// Moves this process (it must have no other thread) into an empty network namespace; an ordinary
/// user becomes root of a user namespace of its own on the way, once.
inline void enter_fresh_network() {
  if (::unshare(CLONE_NEWNET) == 0) return;
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  REQUIRE(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
  const auto say = [](const char* file, const std::string& text) {
    const auto opened = base::open_file(std::string("/proc/self/") + file, O_WRONLY);
    REQUIRE(opened);
    REQUIRE(base::write_all(opened->get(), text));
  };
  say("setgroups", "deny");
  say("uid_map", "0 " + uid + " 1");
  say("gid_map", "0 " + gid + " 1");
}

}  // namespace fcvm::test
