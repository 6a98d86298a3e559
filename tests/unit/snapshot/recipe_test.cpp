#include "core/snapshot/recipe.hpp"

#include <functional>
#include <utility>

#include "core/snapshot/clone_plan.hpp"
#include "tests/unit/snapshot/support.hpp"

namespace fcvm::snapshot {
namespace {

/// A plan whose guest is there.
class Kitchen {
 public:
  Kitchen() {
    for (auto* file : {&plan.assets.kernel, &plan.assets.initrd, &plan.assets.base_image}) {
      *file = directory_.path() + "/" + std::to_string(++files_);
      must(base::write_file_atomic(file->string(), "contents"));
    }
    plan.image = "alpine";
    plan.network.plugin = "net.rootless";
    plan.container.environment = {"A=1"};
  }

  [[nodiscard]] Recipe recipe(const std::string& digest = "sha256:1") const {
    return must(recipe_of(plan, digest));
  }

  vm::RunPlan plan;

 private:
  base::TempDir directory_ = must(base::TempDir::create());
  int files_ = 0;
};

TEST_CASE("a recipe is the same for the same, though a plan was kept in between") {
  Kitchen kitchen;
  const Recipe made = kitchen.recipe();
  kitchen.plan = must(vm::plan_from_json(vm::plan_to_json(kitchen.plan)));
  CHECK(kitchen.recipe() == made);
  CHECK(what_differs(kitchen.recipe(), made).empty());
}

TEST_CASE("what a clone cannot be given is named") {
  using Change = std::function<void(vm::RunPlan&)>;
  const std::pair<const char*, Change> cases[] = {
      {"the command", [](auto& plan) { plan.container.command = {"ls"}; }},
      {"the command", [](auto& plan) { plan.container.has_entrypoint = true; }},
      {"the environment", [](auto& plan) { plan.container.environment = {"A=2"}; }},
      {"the environment", [](auto& plan) { plan.network.proxies = {"http_proxy=x"}; }},
      {"-i or -t", [](auto& plan) { plan.container.tty = true; }},
      {"the container's options", [](auto& plan) { plan.container.user = "7"; }},
      {"the container's options", [](auto& plan) { plan.sysctls = {"a=b"}; }},
      {"the container's options", [](auto& plan) { plan.health.none = true; }},
      {"the machine", [](auto& plan) { plan.memory_bytes = 1; }},
      {"the machine", [](auto& plan) { plan.vmm = "vmm.firecracker"; }},
      {"the machine", [](auto& plan) { plan.kernel_args = "quiet"; }},
      {"the network", [](auto& plan) { plan.network.plugin.clear(); }},
      {"the network", [](auto& plan) { plan.network.mac = "02:00:00:00:00:01"; }},
      {"the guest's kernel and root", [](auto& plan) { plan.assets.kernel = plan.assets.initrd; }},
      {"--wait-ready mode=vsock",
       [](auto& plan) {
         plan.readiness.gates = {{"mode=vsock", {}, {}}};
       }},
  };
  for (const auto& [part, change] : cases) {
    Kitchen kitchen;
    const Recipe made = kitchen.recipe();
    change(kitchen.plan);
    CHECK(what_differs(kitchen.recipe(), made) == part);
  }
  const Kitchen kitchen;
  CHECK(what_differs(kitchen.recipe("sha256:2"), kitchen.recipe()) == "the image");
}

TEST_CASE("what a clone is given anew differs in nothing") {
  Kitchen kitchen;
  const Recipe made = kitchen.recipe();
  kitchen.plan.name = "other";
  kitchen.plan.hostname = "other";
  kitchen.plan.detached = true;
  kitchen.plan.labels = {{"a", "b"}};
  kitchen.plan.network.plugin = "net.bridged";
  kitchen.plan.network.publish = {{"", 8080, 80, vm::Protocol::kTcp, 1}};
  kitchen.plan.lifetime = std::chrono::seconds(1);
  kitchen.plan.health.on_failure = vm::HealthAction::kStop;
  CHECK(what_differs(kitchen.recipe(), made).empty());
}

TEST_CASE("a gate that had passed and is not asked for does no harm") {
  Kitchen kitchen;
  const Recipe wanted = kitchen.recipe();
  kitchen.plan.readiness.gates = {{"mode=vsock", "readiness.vsock", {}}};
  CHECK(what_differs(wanted, kitchen.recipe()).empty());
}

TEST_CASE("a kernel that was changed in its place is another") {
  Kitchen kitchen;
  const Recipe made = kitchen.recipe();
  must(base::write_file_atomic(kitchen.plan.assets.kernel.string(), "other contents"));
  CHECK(what_differs(kitchen.recipe(), made) == "the guest's kernel and root");
  std::filesystem::remove(kitchen.plan.assets.kernel);
  CHECK(recipe_of(kitchen.plan, "").error().code() == ENOENT);
}

TEST_CASE("a run as a clone has its own wishes, and the guest's place in its network") {
  vm::RunPlan wanted;
  wanted.name = "web2";
  wanted.network.plugin = "net.bridged";
  wanted.network.publish = {{"", 8080, 80, vm::Protocol::kTcp, 1}};
  wanted.readiness.gates = {{"mode=log,match=x", "readiness.log", {}}};
  vm::RunPlan clone;
  clone.restore.emplace().id = "0123456789ab";
  clone.container.name = "web";
  clone.network.plugin = "net.rootless";
  clone.network.ipv4 = "10.0.2.100/24";
  const auto made = as_clone(wanted, clone);
  REQUIRE(made.restore.has_value());
  CHECK(made.restore->id == "0123456789ab");
  CHECK(made.name == "web2");
  CHECK(made.container.name == "web");
  CHECK(made.network.plugin == "net.bridged");
  CHECK(made.network.reattach);
  CHECK(made.network.ipv4 == "10.0.2.100/24");
  CHECK(made.network.publish == wanted.network.publish);
  CHECK(made.readiness.gates.empty());
}

}  // namespace
}  // namespace fcvm::snapshot
