// A clone of a page server's.
#pragma once

#include <optional>
#include <string>

#include "tests/contract/memory/server.hpp"

namespace fcvm::test {

constexpr auto kNotServed = 300;  // ms after which a page that was not given will not come

/// The VMM goes on when it has its page; the server counts it afterwards.
inline bool faults_are(Server& server, std::uint64_t number) {
  return soon_is([&] { return server.figures().faults == number; });
}

/// A clone whose VMM has handed its memory over.
struct Clone {
  Directory home;
  std::string socket;
  std::optional<FakeVmm> vmm;

  Clone(Server& server, const char* id, std::uint32_t flags = 0, const HandOver& hand_over = {},
        std::uint64_t memory_bytes = kMemory) {
    const auto attached = server.attach(id, home, &socket, flags);
    INFO(server.message());
    REQUIRE(attached == 0);
    vmm.emplace(home.fd(), socket, memory_bytes, hand_over);
    REQUIRE(vmm->connect());
  }
};

}  // namespace fcvm::test
