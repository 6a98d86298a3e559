// What a VMM says of its memory.
#include "plugins/memory/uffd/hand_over.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>

#include "core/base/io/socket_pair.hpp"
#include "tests/support/must.hpp"

namespace fcvm::memory {
namespace {

using test::Contains;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMemory = 16 * kPage;

std::string region(std::uint64_t base, std::uint64_t size, std::uint64_t offset,
                   const std::string& more = R"("page_size":4096)") {
  return R"({"base_host_virt_addr":)" + std::to_string(base) + R"(,"size":)" +
         std::to_string(size) + R"(,"offset":)" + std::to_string(offset) + "," + more + "}";
}

std::string refusal(const std::string& message, std::uint64_t page = kPage) {
  const auto regions = parse_regions(message, kMemory, page);
  if (regions) return "";
  CHECK(regions.error().code() == EPROTO);
  return regions.error().message();
}

TEST_CASE("regions come sorted by their addresses, whatever else is said of them") {
  const auto regions = must(
      parse_regions("[" + region(0x70000, 8 * kPage, 8 * kPage) + "," +
                        region(0x20000, 8 * kPage, 0, R"("page_size_kib":4096,"more":[{}])") + "]",
                    kMemory, kPage));
  REQUIRE(regions.size() == 2);
  CHECK(regions[0].base == 0x20000);
  CHECK(regions[0].offset == 0);
  CHECK(regions[1].base == 0x70000);
  CHECK(regions[1].size == 8 * kPage);
  // Firecracker says both, and the second is bytes, too.
  CHECK(refusal("[" + region(0, kPage, 0, R"("page_size":4096,"page_size_kib":4096)") + "]") == "");
}

TEST_CASE("whatever a region is wrong in, it is refused") {
  CHECK_THAT(refusal(""), Contains("no regions"));
  CHECK_THAT(refusal("{}"), Contains("no regions"));
  CHECK_THAT(refusal("[]"), Contains("no regions"));
  CHECK_THAT(refusal("[[]]"), Contains("no object"));
  CHECK_THAT(refusal("[{}]"), Contains("a sound base_host_virt_addr"));
  CHECK_THAT(refusal("[" + region(0, kPage, 0, R"("page":1)") + "]"), Contains("page_size_kib"));
  CHECK_THAT(refusal(R"([{"base_host_virt_addr":4096,"size":4096.0,"offset":0,"page_size":4096}])"),
             Contains("a sound size"));
  CHECK_THAT(refusal(R"([{"base_host_virt_addr":4096,"size":4096,"offset":-1,"page_size":4096}])"),
             Contains("a sound offset"));
  CHECK_THAT(refusal("[" + region(0, kPage, 0) + "]", 2 << 20),
             Contains("pages of 4096 bytes, and the snapshot's have 2097152"));
  const auto not_had = Contains("its memory does not have");
  CHECK_THAT(refusal("[" + region(0, 0, 0) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(1, kPage, 0) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(0, kPage + 1, 0) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(0, kPage, 1) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(0, kMemory + kPage, 0) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(0, kPage, kMemory) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(0, kPage, UINT64_MAX - kPage + 1) + "]"), not_had);
  CHECK_THAT(refusal("[" + region(UINT64_MAX - kPage + 1, kPage, 0) + "]"), not_had);
}

TEST_CASE("regions do not overlap, in the memory or in the VMM") {
  const auto both = [](const std::string& one, const std::string& other) {
    return "[" + one + "," + other + "]";
  };
  const auto overlap = Contains("overlap");
  CHECK(refusal(both(region(0, kPage, 0), region(kPage, kPage, kPage))) == "");
  CHECK_THAT(refusal(both(region(0, 2 * kPage, 0), region(8 * kPage, kPage, kPage))), overlap);
  CHECK_THAT(refusal(both(region(0, 2 * kPage, 0), region(kPage, kPage, 8 * kPage))), overlap);
  CHECK_THAT(refusal(both(region(0, kPage, 0), region(0, kPage, 0))), overlap);
}

TEST_CASE("a message has one descriptor, of a userfaultfd") {
  auto pair = must(base::SocketPair::create());
  const std::string text = "[" + region(0, kPage, 0) + "]";
  const auto received = [&](const std::vector<int>& fds, const std::string& message) {
    must(base::send_fds(pair.first.get(), message, fds));
    const auto taken = receive_hand_over(pair.second.get(), kMemory, kPage);
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code() == EPROTO);
    return taken.error().message();
  };
  const Fd other(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  CHECK_THAT(received({}, text), Contains("no userfaultfd"));
  CHECK_THAT(received({other.get()}, text), Contains("what is no userfaultfd"));
  CHECK_THAT(received({other.get(), other.get()}, text), Contains("what is no message"));
  pair.first.reset();
  CHECK_FALSE(receive_hand_over(pair.second.get(), kMemory, kPage));
}

}  // namespace
}  // namespace fcvm::memory
