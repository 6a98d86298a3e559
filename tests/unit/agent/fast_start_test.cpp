#include "agent/container/fast/adapt.hpp"
#include "agent/container/fast/ground.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::agent::fast {
namespace {

using Words = std::vector<std::string>;

Template recorded() {
  Template made;
  made.recorded_id = made.id = "0123";
  made.layer = "4567";
  made.config =
      Json::parse(R"({"id":"0123","name":"fcvm-start","rootfsImageID":"abcd","healthcheck":null,
    "createWorkingDir":true,"staticDir":"/s","command":["/bin/hello"],"logDriver":"passthrough",
    "spec":{"process":{"args":["/bin/hello"],"env":["PATH=/bin","container=podman"],"cwd":"/",
      "capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_KILL"],"permitted":["CAP_KILL"]}},
      "hostname":"builder"}})");
  made.oci =
      Json::parse(R"({"hostname":"builder","process":{"user":{"uid":0,"gid":0,"umask":18},"args":[],
    "env":[],"cwd":"/","capabilities":{}},"root":{"path":"/r"},"mounts":[
    {"destination":"/proc","type":"proc","source":"proc"},
    {"destination":"/etc/hosts","type":"bind","source":"/h"}]})");
  made.state = Json::parse(R"({"state":1})");
  made.containers = Json::parse(
      R"([{"id":"0123","names":["fcvm-start"],"metadata":"{\"name\":\"fcvm-start\"}"}])");
  made.layers = Json::parse(R"([{"id":"4567","names":["fcvm-start-layer"]}])");
  made.conmon = {"-c", "0123", "-n", "fcvm-start"};
  return made;
}

wire::BootPlan plan_of_box() {
  wire::BootPlan plan;
  plan.hostname = "guest";
  plan.disks = {{"image0", wire::DiskRole::kImage, "", "", "", true}};
  plan.container.source.delivery = wire::ImageDelivery::kStore;
  plan.container.image = "abcd";
  plan.container.name = "box";
  return plan;
}

Template adapted(const wire::BootPlan& plan) {
  Template made = recorded();
  REQUIRE(adapt_config(made, plan, "now"));
  return made;
}

TEST_CASE("what only podman can translate is left to it") {
  CHECK(check_plan(plan_of_box()));
  const auto refused = [](auto change) {
    auto plan = plan_of_box();
    change(plan);
    return !check_plan(plan);
  };
  CHECK(refused([](auto& plan) { plan.container.privileged = true; }));
  CHECK(refused([](auto& plan) { plan.container.volumes = {"/a:/b"}; }));
  CHECK(refused([](auto& plan) { plan.container.podman_options = {"--shm-size=1m"}; }));
  CHECK(refused([](auto& plan) { plan.container.environment = {"NAME"}; }));
  CHECK(refused([](auto& plan) { plan.container.workdir = "tmp"; }));
  CHECK(
      refused([](auto& plan) { plan.container.source.delivery = wire::ImageDelivery::kArchive; }));
  CHECK(refused([](auto& plan) { plan.disks.push_back(plan.disks[0]); }));
  CHECK(refused([](auto& plan) { plan.environment = {"http_proxy=x"}; }));
  CHECK(refused([](auto& plan) { plan.container.labels = {"io.containers.capabilities=chown"}; }));
}

TEST_CASE("an image with what is not known here is left to podman") {
  const auto refuses = [](const char* name, const Json& value) {
    Template made = recorded();
    made.config[name] = value;
    return !adapt_config(made, plan_of_box(), "now");
  };
  CHECK(refuses("healthcheck", {{"Test", {"CMD", "true"}}}));
  CHECK(refuses("namedVolumes", Json::array()));
  CHECK(refuses("systemd", true));
  CHECK(refuses("rootfsImageID", "other"));
  CHECK(refuses("command", {"/sbin/init"}));
  CHECK(refuses("command", {"/bin/sh", "-c", "/lib/systemd/systemd"}));
  CHECK(refuses("command", {"/fcvm/no-command"}));
  Template made = recorded();
  made.config.erase("spec");
  CHECK_FALSE(adapt_config(made, plan_of_box(), "now"));
}

TEST_CASE("a plain container differs in its names and times") {
  const Template made = adapted(plan_of_box());
  CHECK(made.config["name"] == "box");
  CHECK(made.config["createdTime"] == "now");
  CHECK(made.config["spec"]["hostname"] == "guest");
  CHECK(made.config["spec"]["process"]["args"] == Words{"/bin/hello"});
  CHECK(made.containers[0]["names"] == Words{"box"});
  CHECK(Json::parse(made.containers[0]["metadata"].get<std::string>())["name"] == "box");
  CHECK(made.layers[0]["names"] == Words{"box-layer"});
}

TEST_CASE("an entry point takes the image's command away") {
  auto plan = plan_of_box();
  plan.container.has_entrypoint = true;
  plan.container.entrypoint = {"a", "b"};
  auto made = adapted(plan);
  CHECK(made.config["spec"]["process"]["args"] == Words{"a", "b"});
  CHECK_FALSE(made.config.contains("command"));
  plan.container.command = {"c"};
  made = adapted(plan);
  CHECK(made.config["spec"]["process"]["args"] == Words{"a", "b", "c"});
  plan.container.entrypoint.clear();
  made = adapted(plan);
  CHECK(made.config["spec"]["process"]["args"] == Words{"c"});
  CHECK(made.config["entrypoint"] == Words{""});
}

TEST_CASE("variables, labels, user, directory and terminal go where podman has them") {
  auto plan = plan_of_box();
  plan.container.environment = {"PATH=/x", "A=b=c"};
  plan.container.labels = {"one=two", "three"};
  plan.container.user = "1000:2000";
  plan.container.workdir = "/tmp";
  plan.container.hostname = "other";
  plan.container.tty = plan.container.interactive = true;
  Template made = adapted(plan);
  const Json& process = made.config["spec"]["process"];
  CHECK(process["env"] ==
        Words{"PATH=/x", "container=podman", "A=b=c", "TERM=xterm", "HOSTNAME=other"});
  CHECK(made.config["labels"] == Json{{"one", "two"}, {"three", ""}});
  CHECK_FALSE(process["capabilities"].contains("effective"));
  CHECK_FALSE(made.config.contains("createWorkingDir"));
  CHECK(made.config["stdin"] == true);
  CHECK(made.config["logDriver"] == "none");
  Account account;
  account.uid = 1000;
  account.gid = 2000;
  account.home = "/tmp";
  REQUIRE(adapt_oci(made, account));
  CHECK(made.oci["process"]["user"] ==
        Json{{"uid", 1000}, {"gid", 2000}, {"umask", 18}, {"additionalGids", {2000}}});
  CHECK(made.oci["process"]["env"].back() == "HOME=/tmp");
  CHECK(made.oci["process"]["terminal"] == true);
  REQUIRE(adapt_conmon(made, plan.container, "/console"));
  CHECK(made.conmon == Words{"/usr/bin/conmon", "-c", "0123", "-n", "box", "--sync",
                             "--runtime-opt=--console-socket=/console"});
}

TEST_CASE("root of the image has the groups that the image gives it") {
  Template made = adapted(plan_of_box());
  Account root;
  root.groups = {1, 2, 1};
  root.home = "/root";
  REQUIRE(adapt_oci(made, root));
  CHECK(made.oci["process"]["user"]["additionalGids"] == std::vector<int>{1, 2});
  CHECK(made.oci["process"]["env"] ==
        Words{"PATH=/bin", "container=podman", "HOME=/root", "HOSTNAME=guest"});
  CHECK(made.oci["process"]["capabilities"].contains("effective"));
}

TEST_CASE("a running container's state has its processes and mounts") {
  Template made = adapted(plan_of_box());
  REQUIRE(adapt_state(made, 12, 34, "then"));
  CHECK(made.state["state"] == 3);
  CHECK(made.state["pid"] == 12);
  CHECK(made.state["conmonPid"] == 34);
  CHECK(made.state["mountPoint"] == "/r");
  CHECK(made.state["configPath"] == "/s/config.json");
  CHECK(made.state["bindMounts"] == Json{{"/etc/hosts", "/h"}});
}

TEST_CASE("a number that is no user of the image's is entered there") {
  const std::string passwd = "root:x:0:0::/root:/bin/sh\nbob:x:7:8::/b:/bin/sh\n";
  CHECK(passwd_entry("1000", passwd, "", "/w") == "1000:*:1000:0:container user:/w:/bin/sh\n");
  CHECK(passwd_entry("1000:5", passwd, "", "/w") == "1000:*:1000:5:container user:/w:/bin/sh\n");
  CHECK(passwd_entry("7", passwd, "", "/w").empty());
  CHECK(passwd_entry("bob", passwd, "", "/w").empty());
  CHECK(group_entry("1000", "root:x:0:\n") == "1000:x:1000:1000\n");
  CHECK(group_entry("1000:0", "root:x:0:\n").empty());
  CHECK(group_entry("bob:7", "root:x:0:\n") == "7:x:7:bob\n");
  CHECK(group_entry("bob", "").empty());
}

TEST_CASE("the container's hosts and resolv.conf are in podman's form") {
  CHECK(hosts_of("# comment\n127.0.0.1 localhost\n::1  a\tb # c\n10.0.0.1\n") ==
        "127.0.0.1\tlocalhost\n::1\ta b\n");
  CHECK(hosts_of("10.0.0.1 x\n") == "10.0.0.1\tx\n127.0.0.1\tlocalhost\n::1\tlocalhost\n");
  CHECK(resolv_conf_of("nameserver 1.1.1.1\nsearch a b\noptions x\nnameserver 2.2.2.2\n") ==
        "search a b\nnameserver 1.1.1.1\nnameserver 2.2.2.2\noptions x\n");
  CHECK(resolv_conf_of("").empty());
}

TEST_CASE("a time is as Go writes it") {
  using std::chrono::nanoseconds;
  CHECK(time_text(std::chrono::system_clock::time_point(nanoseconds(1'000'000'005))) ==
        "1970-01-01T00:00:01.000000005Z");
}

}  // namespace
}  // namespace fcvm::agent::fast
