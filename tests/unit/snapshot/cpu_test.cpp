#include "core/snapshot/cpu.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::snapshot {
namespace {

constexpr const char* kIntel =
    "processor\t: 0\nmodel\t\t: 1\nmodel name\t: A CPU @ 2 GHz\nflags\t\t: fpu sse avx\n\n"
    "processor\t: 1\nmodel name\t: Another\nflags\t\t: fpu\n";

TEST_CASE("a CPU is known by its model and its features") {
  const Cpu cpu = cpu_of(kIntel);
  CHECK(cpu.model == "A CPU @ 2 GHz");
  CHECK(cpu.features == cpu_of("flags : avx fpu sse\n").features);
  CHECK(cpu.features != cpu_of("flags : avx fpu sse sse2\n").features);
  CHECK(cpu.features == cpu_of("Features\t: avx sse fpu\n").features);
}

}  // namespace
}  // namespace fcvm::snapshot
