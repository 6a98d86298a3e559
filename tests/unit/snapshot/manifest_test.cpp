#include "core/snapshot/manifest.hpp"

#include "tests/unit/snapshot/support.hpp"

namespace fcvm::snapshot {
namespace {

TEST_CASE("a manifest comes back as it was") {
  const Manifest manifest = some_manifest("0123456789ab");
  const auto text = to_json(manifest);
  const Manifest again = must(manifest_from_json(text));
  CHECK(to_json(again) == text);
  CHECK(again.labels == manifest.labels);
  CHECK(again.files == manifest.files);
  CHECK(again.plan == manifest.plan);
  CHECK(again.recipe == manifest.recipe);
}

TEST_CASE("a manifest that was changed anywhere is refused, or says the same") {
  const auto text = to_json(some_manifest("0123456789ab"));
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const int bit : {0, 3, 6}) {
      auto altered = text;
      altered[at] = static_cast<char>(altered[at] ^ (1 << bit));
      const auto read = manifest_from_json(altered);
      CHECK((!read || to_json(*read) == text));
    }
  }
}

TEST_CASE("a manifest that was cut is refused") {
  const auto text = to_json(some_manifest("0123456789ab"));
  for (std::size_t size = 0; size + 2 < text.size(); ++size) {
    CHECK_FALSE(manifest_from_json(text.substr(0, size)).has_value());
  }
}

TEST_CASE("a manifest of another format names both") {
  auto text = to_json(some_manifest("0123456789ab"));
  text.replace(text.find("\"format\": 1"), 11, "\"format\": 9");
  const auto read = manifest_from_json(text);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().message() == "it is of format 9, and this fcvm knows format 1");
}

TEST_CASE("a file with a path for a name is refused, though its digest is right") {
  for (const char* name : {"../memory", "/etc/passwd", ".lock", "", "manifest.json", "a/b"}) {
    Manifest manifest = some_manifest("0123456789ab");
    manifest.files[0].name = name;
    CHECK_FALSE(manifest_from_json(to_json(manifest)).has_value());
  }
}

TEST_CASE("a plan keeps what a clone is made from") {
  vm::RunPlan plan;
  plan.image = "alpine";
  plan.memory_bytes = 512 << 20;
  plan.container.tty = true;
  plan.container.command = {"sh", "-c", "a \xff"};
  plan.network.plugin = "net.rootless";
  plan.network.mac = "02:00:00:00:00:01";
  plan.network.ipv4 = "10.0.2.100/24";
  plan.network.publish = {{"", 8080, 80, vm::Protocol::kTcp, 1}};
  plan.network.host_loopback.ports = {{80, 2, vm::Protocol::kUdp}, {1, 1, {}}};
  plan.network.hosts = {{"10.1.1.1", "a b"}};
  const std::vector<vm::ImageDisk> disks = {{"ext4", 7, 1}};
  plan.container.environment = {"SECRET=1"};
  const auto text = vm::plan_to_json(vm::saved_plan(plan, disks));
  CHECK(text.find("SECRET") == std::string::npos);
  const auto again = must(vm::plan_from_json(text));
  REQUIRE(again.restore.has_value());
  CHECK(again.restore->image_disks == disks);
  CHECK(again.container.command == plan.container.command);
  CHECK(again.network.publish == plan.network.publish);
  CHECK(vm::plan_to_json(again) == text);
}

}  // namespace
}  // namespace fcvm::snapshot
