// See not_yet.hpp.
#include "core/cli/not_yet.hpp"

#include <algorithm>
#include <iterator>

namespace fcvm::cli {
namespace {

constexpr std::string_view kImages =
    "`fcvm run` fetches what it needs; skopeo and podman see to images otherwise";
constexpr std::string_view kAgain = "run a new VM: `fcvm rm NAME`, then `fcvm run --name NAME ...`";
constexpr std::string_view kCopy = "`fcvm cp` copies out of a VM that runs";
constexpr std::string_view kFiles = "`fcvm cp` copies files into a VM that runs, and out of it";
constexpr std::string_view kMachine =
    "the VM is the limit: its kernel is the container's alone, see `fcvm run --help`";
constexpr std::string_view kUnknown =
    "the README says what there is; `fcvm --help` lists the verbs";

constexpr NotYet kVerbs[] = {
    {"auto-update", kUnknown},
    {"build", "build with podman or buildah, and run the result: docker-archive:FILE"},
    {"checkpoint", kUnknown},
    {"commit", kCopy},
    {"compose", kUnknown},
    {"create", "`fcvm run --detach` makes and starts a VM"},
    {"diff", kCopy},
    {"export", kCopy},
    {"generate", kUnknown},
    {"healthcheck", "`fcvm exec NAME COMMAND` asks it"},
    {"history", kImages},
    {"image", kImages},
    {"images", kImages},
    {"import", kImages},
    {"info", "`fcvm doctor` tells what this host can do"},
    {"init", kAgain},
    {"load", "`fcvm run docker-archive:FILE` runs an archive"},
    {"login", "`skopeo login` keeps credentials where fcvm finds them"},
    {"logout", "`skopeo logout` forgets credentials"},
    {"manifest", kImages},
    {"mount", kCopy},
    {"network", "`fcvm run --network` has the networks there are; fcvm plugin ls lists them"},
    {"pod", kUnknown},
    {"prune", "`fcvm rm --all` removes VMs that have exited"},
    {"pull", kImages},
    {"push", kImages},
    {"rename", kAgain},
    {"restart", kAgain},
    {"restore", kUnknown},
    {"rmi", kImages},
    {"save", kImages},
    {"search", kImages},
    {"secret", "`fcvm run --env-file FILE` hands secrets over"},
    {"start", kAgain},
    {"system", "`fcvm gc` cleans up; `fcvm doctor` tells what this host can do"},
    {"tag", kImages},
    {"unmount", kCopy},
    {"untag", kImages},
    {"update", kAgain},
    {"volume", kFiles},
};

constexpr NotYet kRunOptions[] = {
    {"--attach", "-i and -t attach; `fcvm attach` does later"},
    {"--cgroup-parent", kMachine},
    {"--cgroupns", kMachine},
    {"--cgroups", kMachine},
    {"--conmon-pidfile", "`fcvm inspect --format '{{.State.Pid}}' NAME` has the VMM's"},
    {"--cpu-shares", "--cpus"},
    {"--cpuset-cpus", "--cpus"},
    {"--device", kMachine},
    {"--expose", "--publish"},
    {"--gpus", kMachine},
    {"--health-cmd", "`fcvm exec NAME COMMAND` asks it"},
    {"--ipc", kMachine},
    {"--memory-reservation", "--memory"},
    {"--memory-swap", "--memory"},
    {"--mount", kFiles},
    {"--network-alias", "--add-host"},
    {"--no-healthcheck", "no health check is made"},
    {"--oom-kill-disable", "--memory"},
    {"--pid", kMachine},
    {"--pidfile", "`fcvm inspect --format '{{.State.Pid}}' NAME` has the VMM's"},
    {"--platform", "the VM has the host's architecture"},
    {"--arch", "the VM has the host's architecture"},
    {"--pod", kUnknown},
    {"--preserve-fds", "-i passes standard input on"},
    {"--publish-all", "--publish with each port"},
    {"-P", "--publish with each port"},
    {"--requires", kUnknown},
    {"--restart", "a service manager can run `fcvm run` again"},
    {"--rootfs", "an image: docker-archive:FILE or oci:DIRECTORY"},
    {"--sdnotify", "`fcvm run --detach` comes back when the command runs"},
    {"--secret", "--env-file"},
    {"--tls-verify", "[plugin.image.archive] in fcvm.toml names registries without TLS"},
    {"--authfile", "REGISTRY_AUTH_FILE, as for skopeo"},
    {"--userns", kMachine},
    {"--uts", kMachine},
    {"--volume", kFiles},
    {"-v", kFiles},
    {"--volumes-from", kFiles},
};

constexpr NotYet kOtherOptions[] = {
    {"--latest", "name the VM; `fcvm ls` has the newest first"},
    {"-l", "name the VM; `fcvm ls` has the newest first"},
    {"--preserve-fds", "-i passes standard input on"},
    {"--size", "`du -s` of the VM's directory has it"},
    {"-s", "`du -s` of the VM's directory has it"},
    {"--condition", "`fcvm wait` waits for the end"},
    {"--interval", "`fcvm wait` is told, and does not look again and again"},
    {"--volumes", "there are none"},
    {"--type", "`fcvm inspect` knows VMs alone"},
};

const NotYet* find(const NotYet* first, const NotYet* last, std::string_view name) {
  const auto* found =
      std::find_if(first, last, [&](const NotYet& one) { return one.name == name; });
  return found == last ? nullptr : found;
}

}  // namespace

const NotYet* not_yet_verb(std::string_view typed) {
  return find(std::begin(kVerbs), std::end(kVerbs), typed);
}

const NotYet* not_yet_option(const Verb& verb, std::string_view typed) {
  if (verb.takes_run_options) return find(std::begin(kRunOptions), std::end(kRunOptions), typed);
  return find(std::begin(kOtherOptions), std::end(kOtherOptions), typed);
}

}  // namespace fcvm::cli
