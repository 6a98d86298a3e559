// A plugin that was built for an earlier draft of the interface: see tests/abi/README.md.
#include <fcvm/abi.h>

#include "core/plugin/scan.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::plugin {
namespace {

TEST_CASE("a plugin of the draft before is refused by a message that names both, and hides none") {
  const auto found = scan({FCVM_TEST_DRAFT_PLUGIN, FCVM_TEST_PLUGIN});
  REQUIRE(found.size() == 2);
  const auto& before = found.front().descriptor;
  REQUIRE_FALSE(before);
  INFO(before.error().message());
  CHECK(before.error().message().find("built for draft " + std::to_string(FCVM_DRAFT - 1) + " ") !=
        std::string::npos);
  CHECK(before.error().message().find("speaks draft " + std::to_string(FCVM_DRAFT)) !=
        std::string::npos);
  CHECK(before.error().remedy().find("rebuild") != std::string::npos);
  REQUIRE(found.back().descriptor);
  CHECK(found.back().descriptor->id == "net.null");
}

}  // namespace
}  // namespace fcvm::plugin
