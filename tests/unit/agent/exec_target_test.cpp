#include "agent/container/exec_target.hpp"

#include <unistd.h>

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

constexpr std::uint64_t kSome = 0x5fb;

OciConfig some_config() {
  OciConfig config;
  config.capabilities = {.bounding = kSome, .effective = 0x20, .permitted = 0x20};
  return config;
}

TEST_CASE("a later setting takes the place of an earlier one of its name only") {
  std::vector<std::string> environment = {"A=1", "AB=2", "C=3"};
  override_environment(environment, {"A=9", "D=", "C"});
  CHECK(environment == std::vector<std::string>{"A=9", "AB=2", "D="});
}

TEST_CASE("without a container only the guest can be entered") {
  wire::ExecRequest request;
  request.command = {"true"};
  CHECK(plan_exec(request, {}, nullptr).error().code() == ESRCH);
  request.place = wire::ExecPlace::kGuest;
  CHECK(plan_exec(request, {}, nullptr).has_value());
  request.command.clear();
  CHECK_FALSE(plan_exec(request, {}, nullptr));
}

TEST_CASE("a container is joined with its own limits, filter and directory") {
  wire::ExecRequest request;
  request.command = {"true"};
  OciConfig config = some_config();
  config.environment = {"PATH=/bin"};
  config.workdir = "/srv";
  config.umask = 0077;
  config.no_new_privileges = true;
  config.limits = {{RLIMIT_NOFILE, {100, 200}}};
  config.seccomp = {sock_filter{6, 0, 0, 0x7fff0000}};
  const auto plan = plan_exec(request, {::getpid(), config}, nullptr);
  REQUIRE(plan);
  CHECK(plan->way == "joined the container");
  const auto& options = plan->options;
  CHECK(options.workdir == "/srv");
  CHECK(options.environment[0] == "PATH=/bin");
  CHECK(options.limits.size() == 1);
  CHECK(options.seccomp.size() == 1);
  CHECK(options.credentials->umask == 0077);
  CHECK(options.credentials->no_new_privileges);
}

TEST_CASE("the user's own group is not among the others, as podman has it") {
  wire::ExecRequest request;
  request.command = {"true"};
  OciConfig config = some_config();
  config.uid = 4'000'001;
  config.gid = 4'000'002;
  config.groups = {4'000'002, 4'000'003};
  const auto plan = plan_exec(request, {::getpid(), config}, nullptr);
  REQUIRE(plan);
  CHECK(plan->options.credentials->groups == std::vector<gid_t>{4'000'003});
}

TEST_CASE("what cannot be followed is left to podman, and said") {
  wire::ExecRequest request;
  request.command = {"echo", "a b"};
  request.tty = request.interactive = request.privileged = true;
  request.user = "app";
  request.workdir = "/srv";
  request.environment = {"A=1"};
  wire::ContainerSpec spec;
  spec.name = "web";
  const auto plan =
      plan_exec(request, {::getpid(), fail(ENOTSUP, "it has a namespace of the kind user")}, &spec);
  REQUIRE(plan);
  CHECK(plan->way == "by podman exec: it has a namespace of the kind user");
  CHECK(plan->options.command == std::vector<std::string>{"podman", "exec", "--interactive",
                                                          "--detach-keys=", "--tty", "--privileged",
                                                          "--user=app", "--workdir=/srv",
                                                          "--env=A=1", "web", "echo", "a b"});
  CHECK(plan->options.container == 0);
  CHECK(plan->options.workdir.empty());
  CHECK(podman_exec({}, "").back() == "--latest");
}

TEST_CASE("an unknown user is refused before anything runs") {
  wire::ExecRequest request;
  request.command = {"true"};
  request.user = "nobody-knows-me";
  for (const auto place : {wire::ExecPlace::kContainer, wire::ExecPlace::kGuest}) {
    request.place = place;
    const auto plan = plan_exec(request, {::getpid(), some_config()}, nullptr);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code() == EINVAL);
    CHECK(plan.error().message().find("nobody-knows-me") != std::string::npos);
  }
}

TEST_CASE("capabilities follow the user, as podman has them") {
  const OciConfig config = some_config();
  const auto root = exec_capabilities(config, 0, false, false);
  CHECK(root.bounding == kSome);
  CHECK(root.effective == kSome);
  CHECK(root.permitted == kSome);
  CHECK(root.inheritable == 0);
  const auto own = exec_capabilities(config, 1000, false, false);
  CHECK(own.effective == 0x20);
  CHECK(own.ambient == 0x20);
  CHECK(own.inheritable == 0x20);
  const auto other = exec_capabilities(config, 1000, true, false);
  CHECK(other.effective == 0x20);
  CHECK(other.ambient == 0);
  CHECK(exec_capabilities(config, 0, true, true).effective == bounding_capabilities());
}

}  // namespace
}  // namespace fcvm::agent
