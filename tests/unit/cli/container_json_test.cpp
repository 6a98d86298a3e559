#include "core/cli/text/container_json.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

constexpr const char* kImage = R"({"config": {"Env": ["PATH=/bin", "FROM=image"], "User": "member",
  "WorkingDir": "/home", "Entrypoint": ["sh", "-c"], "Cmd": ["true"], "StopSignal": "SIGINT",
  "ExposedPorts": {"80/tcp": {}}}})";

TEST_CASE("a container is what its image says, where its options say nothing") {
  vm::RunPlan plan;
  plan.hostname = "web";
  const ContainerJson container(plan, kImage);
  CHECK(container.words() == Words{"sh", "-c", "true"});
  const Json config = container.config();
  CHECK(config["User"] == "member");
  CHECK(config["WorkingDir"] == "/home");
  CHECK(config["StopSignal"] == "SIGINT");
  CHECK(config["ExposedPorts"].contains("80/tcp"));
  CHECK(config["Env"] == Json({"PATH=/bin", "FROM=image", "container=podman", "HOSTNAME=web"}));
}

TEST_CASE("its options come first") {
  vm::RunPlan plan;
  plan.container.environment = {"FROM=options"};
  plan.container.user = "0";
  plan.container.command = {"date"};
  plan.container.tty = true;
  plan.container.podman_options = {"--unsetenv=PATH",     "--cap-add=net_admin,CAP_SYS_TIME",
                                   "--ulimit=nofile=1:2", "--tmpfs=/run:size=1m",
                                   "--read-only",         "--stop-signal=QUIT",
                                   "--annotation=a=b=c",  "--sysctl=kernel.shmmax=1",
                                   "--shm-size=1048576b"};
  plan.sysctls = {"net.core.somaxconn=7"};
  plan.network.publish = {{"127.0.0.1", 8080, 80, vm::Protocol::kTcp, 2}};
  const ContainerJson container(plan, kImage);
  CHECK(container.words() == Words{"sh", "-c", "date"});
  const Json config = container.config();
  CHECK(config["User"] == "0");
  CHECK(config["StopSignal"] == "QUIT");
  CHECK(config["Annotations"]["a"] == "b=c");
  CHECK(config["Env"][0] == "FROM=options");
  const Json host = container.host_config();
  CHECK(host["CapAdd"] == Json({"CAP_NET_ADMIN", "CAP_SYS_TIME"}));
  CHECK(host["Ulimits"][0] == Json({{"Name", "RLIMIT_NOFILE"}, {"Soft", 1}, {"Hard", 2}}));
  CHECK(host["Tmpfs"]["/run"] == "size=1m");
  CHECK(host["ReadonlyRootfs"] == true);
  CHECK(host["ShmSize"] == 1048576);
  CHECK(host["Sysctls"] == Json({{"kernel.shmmax", "1"}, {"net.core.somaxconn", "7"}}));
  CHECK(host["PortBindings"]["81/tcp"][0]["HostPort"] == "8081");
}

TEST_CASE("an entry point of the user's makes the image's command void") {
  vm::RunPlan plan;
  plan.container.has_entrypoint = true;
  plan.container.entrypoint = {"id"};
  CHECK(ContainerJson(plan, kImage).words() == Words{"id"});
}

TEST_CASE("what an image says is anybody's words") {
  const vm::RunPlan plan;
  for (const char* image :
       {"", "[]", "{}", R"({"config": 3})", "{\"config\"",
        R"({"config": {"Env": 7, "Cmd": [1], "User": [], "ExposedPorts": 3}})"}) {
    const ContainerJson container(plan, image);
    CHECK(container.words().empty());
    CHECK(container.config()["User"] == "");
    CHECK_FALSE(container.config().contains("ExposedPorts"));
  }
}

}  // namespace
}  // namespace fcvm::cli
