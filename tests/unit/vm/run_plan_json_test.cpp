#include "core/vm/model/run_plan_json.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

RunPlan full_plan() {
  RunPlan plan;
  plan.image = "app";
  plan.cpus = 3;
  plan.memory_bytes = std::uint64_t{5} << 40;
  plan.stop_grace = std::chrono::milliseconds(1500);
  plan.lifetime = std::chrono::milliseconds(9);
  plan.restart = *parse_restart_policy("on-failure:3");
  plan.log.limits = {.max_size = 7, .max_files = 2};
  plan.labels = {{"a", "b"}, {"c", ""}};
  plan.network.plugin = "net.rootless";
  plan.network.host_loopback.ports = {{80, 2, Protocol::kUdp}, {90, 1, std::nullopt}};
  plan.network.publish = {{"127.0.0.1", 8080, 80, Protocol::kTcp, 1}};
  plan.network.hosts = {{"10.0.0.1", "one two"}};
  plan.network.proxy_endpoints = {{"", 3128}};
  plan.container.name = "web";
  plan.container.command = {"sh", "-c", "echo \xff"};
  plan.container.has_entrypoint = true;
  plan.container.environment = {"A=b", "EMPTY="};
  plan.container.podman_options = {"--read-only"};
  plan.assets.kernel = "/a/kernel";
  plan.pids_limit = -1;
  return plan;
}

TEST_CASE("a plan that is kept is the same when it is read again") {
  const std::string json = plan_to_json(full_plan());
  const auto read = plan_from_json(json);
  REQUIRE(read);
  CHECK(plan_to_json(*read) == json);
  CHECK(read->container.command.back() == "echo \xff");
  CHECK(read->lifetime == std::chrono::milliseconds(9));
  CHECK(read->restart.most == 3);
  REQUIRE(read->network.host_loopback.ports.size() == 2);
  CHECK(read->network.host_loopback.ports[0].protocol == Protocol::kUdp);
  CHECK_FALSE(read->network.host_loopback.ports[1].protocol);
  CHECK(read->network.publish.front().host_port == 8080);
  CHECK(read->assets.kernel == "/a/kernel");
}

TEST_CASE("what is no plan is refused, and what it lacks has its default") {
  CHECK(plan_from_json("").error().code() == EPROTO);
  CHECK(plan_from_json("[]").error().code() == EPROTO);
  CHECK(plan_from_json(R"({"cpus": -1})").error().code() == EPROTO);
  CHECK(plan_from_json(R"({"restart": "perhaps"})").error().code() == EPROTO);
  CHECK(plan_from_json(R"({"container": 3})").error().code() == EPROTO);
  const auto sparse = plan_from_json(R"({"cpus": 1, "of a newer fcvm": {}})");
  REQUIRE(sparse);
  CHECK(sparse->cpus == 1);
  CHECK(sparse->stop_grace == std::chrono::seconds(10));
}

TEST_CASE("a restart policy is one of podman's words") {
  CHECK(parse_restart_policy("no")->when == RestartPolicy::When::kNever);
  CHECK(parse_restart_policy("unless-stopped")->wants_another(0, 99));
  const auto twice = parse_restart_policy("on-failure:2");
  REQUIRE(twice);
  CHECK(twice->wants_another(1, 1));
  CHECK_FALSE(twice->wants_another(1, 2));
  CHECK_FALSE(twice->wants_another(0, 0));
  CHECK(parse_restart_policy("on-failure")->wants_another(1, 1000));
  for (const char* bad : {"", "on-failure:", "on-failure:x", "on-failure:1x", "sometimes"}) {
    CHECK(parse_restart_policy(bad).error().code() == EINVAL);
  }
}

}  // namespace
}  // namespace fcvm::vm
