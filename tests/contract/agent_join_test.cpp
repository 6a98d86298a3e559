// exec into a container that has namespaces of its own, as root: the way in, and who the command is
// there. The whole of it, with podman, is in tests/vm.
#include "core/base/io/file.hpp"
#include "core/base/process/namespaces.hpp"
#include "tests/contract/agent_client.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::tests {
namespace {

bool may_unshare() { return ::geteuid() == 0 && base::Namespace::new_net().has_value(); }

/// As a guest has it: cgroups of version 2 alone.
const std::vector<std::string> kWithCgroup2 = {
    "unshare", "-m", "sh", "-c", "mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"", "sh"};

/// A container called "inside" that sleeps.
Connection start_container(const RunningAgent& agent) {
  Connection control = agent.dial(wire::kControlPort);
  control.say(wire::Attach{});
  wire::Boot boot;
  boot.id = 1;
  boot.plan.container.image = "test";
  boot.plan.container.command = {
      "unshare", "-u", "-m", "-i", "-n", "sh", "-c", "hostname inside; echo begun; exec sleep 100"};
  control.say(boot);
  Connection output = agent.dial(wire::kOutputPort);
  output.say(wire::OutputAttach{});
  for (;;) {
    const auto frame = output.next();
    REQUIRE(frame);
    if (frame->type == wire::kStreamDataType) return control;
  }
}

wire::ExecRequest inside(const std::string& script) {
  wire::ExecRequest request = shell(script);
  request.place = wire::ExecPlace::kContainer;
  return request;
}

TEST_CASE("exec: a command joins the container's namespaces, and brings nothing along") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const RunningAgent agent(kWithCgroup2);
  const Connection control = start_container(agent);
  const auto first = run(agent, inside("hostname; echo err >&2; exit 4"));
  CHECK(first.message.empty());
  CHECK(first.out == "inside\n");
  CHECK(run(agent, inside("exit 4")).code == 4);
  auto looks = inside("");
  looks.command = {"ls", "-U", "/proc/self/fd"};
  CHECK(run(agent, looks).out == "0\n1\n2\n3\n");
  auto missing = inside("");
  missing.command = {"no-such-program"};
  CHECK(run(agent, missing).failed == 127);
  missing.workdir = "/no/such/directory";
  CHECK(run(agent, missing).message.find("changing to its working directory") != std::string::npos);
}

TEST_CASE("exec: a user in the container has that user's ids, groups and capabilities") {
  FCVM_SKIP_IF(!may_unshare(), "makes namespaces, as root");
  const RunningAgent agent(kWithCgroup2);
  const Connection control = start_container(agent);
  auto request =
      inside("id -u; id -g; umask; grep -E '^(CapEff|CapPrm|CapInh|CapAmb)' /proc/self/status");
  request.user = "1234:2345";
  CHECK(run(agent, request).out ==
        "1234\n2345\n0022\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
        "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
  const auto root = run(agent, inside("id -u; grep CapEff /proc/self/status"));
  CHECK(root.out.substr(0, 2) == "0\n");
  CHECK(root.out.find("0000000000000000") == std::string::npos);
}

}  // namespace
}  // namespace fcvm::tests
