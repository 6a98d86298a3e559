// See not_yet.hpp.
#include "core/cli/not_yet.hpp"

#include <algorithm>
#include <iterator>

namespace fcvm::cli {
namespace {

constexpr std::string_view kImages =
    "`fcvm image` has what there is for images; skopeo and podman see to them otherwise";
constexpr std::string_view kAgain = "run a new VM: `fcvm rm NAME`, then `fcvm run --name NAME ...`";
constexpr std::string_view kCopy = "`fcvm cp` copies out of a VM that runs";
constexpr std::string_view kDirectory = "`fcvm run --volume HOST:CONTAINER` maps a directory";
constexpr std::string_view kMachine =
    "the VM is the limit: its kernel is the container's alone, see `fcvm run --help`";
constexpr std::string_view kScript =
    "a script of `fcvm run --detach`; VMs meet at published ports, see `fcvm run --help`";
constexpr std::string_view kUnit =
    "a service manager runs `fcvm run --rm` in the foreground, and again when it ends";
constexpr std::string_view kSupervisor =
    "`fcvm inspect --format '{{.Fcvm.SupervisorPid}}' NAME` has the process that owns the VM";
constexpr std::string_view kHealth =
    "`fcvm run --health-cmd` and the options beside it are those that there are";
constexpr std::string_view kUsers =
    "the VM's user numbers are its own; --user chooses who the container is";
constexpr std::string_view kArchitecture = "the VM has the host's architecture";
constexpr std::string_view kSigned = "/etc/containers/policy.json says which images are trusted";
constexpr std::string_view kDigests = "`fcvm images --format '{{.Digest}} {{.Repository}}'`";
constexpr std::string_view kNoPods = "there are no pods";

constexpr NotYet kVerbs[] = {
    {"artifact", kImages},
    {"auto-update", "`fcvm run --pull newer` takes a newer image"},
    {"build", "build with podman or buildah, and run the result: docker-archive:FILE"},
    {"buildx", "build with podman or buildah, and run the result: docker-archive:FILE"},
    {"checkpoint", "`fcvm snapshot create NAME` saves a VM"},
    {"cleanup", "`fcvm gc` cleans up after supervisors that were killed"},
    {"compose", kScript},
    {"farm", kImages},
    {"generate", kUnit},
    {"import", kImages},
    {"init", kAgain},
    {"kube", kScript},
    {"machine", "each container has a machine of its own; `fcvm setup` makes what it boots"},
    {"manifest", kImages},
    {"mount", kCopy},
    {"network", "`fcvm run --network` has the networks there are; `fcvm plugin ls` lists them"},
    {"play", kScript},
    {"pod", kScript},
    {"push", kImages},
    {"quadlet", kUnit},
    {"restore", "`fcvm snapshot run SNAPSHOT` brings one to life"},
    {"runlabel", kAgain},
    {"search", kImages},
    {"secret", "`fcvm run --env-file FILE` hands secrets over"},
    {"swarm", kScript},
    {"system", "`fcvm gc` cleans up; `fcvm doctor` tells what this host can do"},
    {"umount", kCopy},
    {"unmount", kCopy},
    {"unshare", "`fcvm exec --vm NAME COMMAND` runs a command in the guest"},
    {"update", kAgain},
    {"volume", kDirectory},
};

constexpr NotYet kRunOptions[] = {
    {"--arch", kArchitecture},
    {"--attach", "-i and -t attach; `fcvm attach` does later"},
    {"-a", "-i and -t attach; `fcvm attach` does later"},
    {"--authfile", "REGISTRY_AUTH_FILE, as for skopeo"},
    {"--blkio-weight", "--device-read-bps and --device-write-bps"},
    {"--blkio-weight-device", "--device-read-bps and --device-write-bps"},
    {"--cgroup-conf", kMachine},
    {"--cgroup-parent", kMachine},
    {"--cgroupns", kMachine},
    {"--cgroups", kMachine},
    {"--chrootdirs", kMachine},
    {"--conmon-pidfile", kSupervisor},
    {"--cpu-period", "--cpus"},
    {"--cpu-quota", "--cpus"},
    {"--cpu-rt-period", "--cpus"},
    {"--cpu-rt-runtime", "--cpus"},
    {"--cpu-shares", "--cpus"},
    {"-c", "--cpus"},
    {"--cpuset-cpus", "--cpus"},
    {"--cpuset-mems", "--memory"},
    {"--decryption-key", "skopeo copies an image and decrypts it; run the copy"},
    {"--device-cgroup-rule", kMachine},
    {"--disable-content-trust", kSigned},
    {"--domainname", "--hostname"},
    {"--env-merge", "--env"},
    {"--expose", "--publish"},
    {"--gidmap", kUsers},
    {"--gpus", kMachine},
    {"--group-entry", "--group-add"},
    {"--health-log-destination", kHealth},
    {"--health-max-log-count", kHealth},
    {"--health-max-log-size", kHealth},
    {"--health-startup-cmd", kHealth},
    {"--health-startup-interval", kHealth},
    {"--health-startup-retries", kHealth},
    {"--health-startup-success", kHealth},
    {"--health-startup-timeout", kHealth},
    {"--hosts-file", "--add-host"},
    {"--hostuser", kUsers},
    {"--image-volume", kDirectory},
    {"--init-path", "--init has one of the guest's own"},
    {"--ipc", kMachine},
    {"--kernel-memory", "--memory"},
    {"--link", "--add-host"},
    {"--memory-reservation", "--memory"},
    {"--memory-swap", "--memory"},
    {"--memory-swappiness", "--memory"},
    {"--mount", kDirectory},
    {"--network-alias", "--add-host"},
    {"--no-hostname", "--hostname"},
    {"--oom-kill-disable", "--memory"},
    {"--oom-score-adj", "--memory"},
    {"--os", "the guest is a Linux"},
    {"--passwd", kUsers},
    {"--passwd-entry", kUsers},
    {"--personality", kMachine},
    {"--pid", kMachine},
    {"--pidfile", kSupervisor},
    {"--pod", kNoPods},
    {"--pod-id-file", kNoPods},
    {"--preserve-fd", "-i passes standard input on"},
    {"--preserve-fds", "-i passes standard input on"},
    {"--rdt-class", kMachine},
    {"--read-only-tmpfs", "--tmpfs"},
    {"--requires", kScript},
    {"--retry", "run the command again; what was fetched is kept"},
    {"--retry-delay", "run the command again; what was fetched is kept"},
    {"--rmi", kImages},
    {"--rootfs", "an image: docker-archive:FILE or oci:DIRECTORY"},
    {"--runtime", "[run] vmm chooses what runs the VM; the guest's podman has its own runtime"},
    {"--sdnotify", "`fcvm run --detach` comes back when the command runs"},
    {"--seccomp-policy", "--security-opt"},
    {"--secret", "--env-file"},
    {"--shm-size-systemd", "--shm-size"},
    {"--storage-opt", "--rootfs-size"},
    {"--subgidname", kUsers},
    {"--subuidname", kUsers},
    {"--systemd", "--privileged, and systemd as the command"},
    {"--tls-verify", "/etc/containers/registries.conf names registries without TLS"},
    {"--uidmap", kUsers},
    {"--userns", kUsers},
    {"--uts", kMachine},
    {"--variant", kArchitecture},
    {"--volumes-from", kDirectory},
};

/// Of single verbs, and after them what several have.
struct OptionOfVerb {
  std::string_view verb;
  NotYet option;
};

constexpr OptionOfVerb kOtherOptions[] = {
    {"cp", {"--overwrite", "a file takes a file's place; remove what is in the way"}},
    {"cp", {"--pause", "`fcvm pause` holds a VM, but nothing can be copied meanwhile"}},
    {"image history", {"--quiet", "`fcvm image inspect` has the layers"}},
    {"image ls", {"--digests", kDigests}},
    {"image ls", {"--filter", "`fcvm images --json` has what a filter would ask"}},
    {"image ls", {"-f", "`fcvm images --json` has what a filter would ask"}},
    {"image ls", {"--history", "`fcvm history` shows how one was made"}},
    {"image ls", {"--sort", "sort(1): `fcvm images --noheading`"}},
    {"image prune", {"--filter", "`fcvm rmi` removes those that are named"}},
    {"image pull", {"--all-tags", "name each tag"}},
    {"image pull", {"-a", "name each tag"}},
    {"image pull", {"--arch", "--platform"}},
    {"image pull", {"--authfile", "REGISTRY_AUTH_FILE, as for skopeo"}},
    {"image pull", {"--cert-dir", "/etc/containers/certs.d, as for podman"}},
    {"image pull", {"--creds", "`fcvm login` keeps them"}},
    {"image pull", {"--os", "--platform"}},
    {"image pull", {"--policy", "`fcvm image prepare` fetches only what is missing"}},
    {"image pull",
     {"--tls-verify", "/etc/containers/registries.conf names registries without TLS"}},
    {"image pull", {"--variant", "--platform"}},
    {"image rm", {"--no-prune", "a layer is nobody's but its image's"}},
    {"image save", {"--compress", "gzip(1)"}},
    {"image save", {"--multi-image-archive", "an archive for each image"}},
    {"image save", {"-m", "an archive for each image"}},
    {"inspect", {"--size", "`fcvm ls --size` has it"}},
    {"inspect", {"-s", "`fcvm ls --size` has it"}},
    {"inspect", {"--type", "`fcvm inspect` knows VMs, `fcvm image inspect` images"}},
    {"inspect", {"-t", "`fcvm inspect` knows VMs, `fcvm image inspect` images"}},
    {"logs", {"--color", "--names"}},
    {"logs", {"--details", "`fcvm inspect` has labels"}},
    {"ls", {"--external", "podman and buildah list their own"}},
    {"ls", {"--namespace", "`fcvm inspect` has how each process is kept apart"}},
    {"ls", {"--ns", "`fcvm inspect` has how each process is kept apart"}},
    {"ls", {"--pod", kNoPods}},
    {"ls", {"-p", kNoPods}},
    {"ls", {"--sync", "`fcvm ls` always looks at what there is"}},
    {"ls", {"--watch", "`fcvm events` tells of each change"}},
    {"ls", {"-w", "`fcvm events` tells of each change"}},
    {"rm", {"--depend", "no VM depends on another"}},
    {"rm", {"--time", "`fcvm stop --time SECONDS NAME` before"}},
    {"rm", {"-t", "`fcvm stop --time SECONDS NAME` before"}},
    {"rm", {"--volumes", "there are none; the VM's disk goes with it"}},
    {"rm", {"-v", "there are none; the VM's disk goes with it"}},
    {"stats", {"--no-trunc", "names and ids are never cut"}},
    {"stop", {"--signal", "`fcvm kill --signal` sends one"}},
    {"", {"--cidfile", "$(cat FILE) in the place of a name"}},
    {"", {"--filter", "$(fcvm ls --quiet --filter KEY=VALUE) in the place of names"}},
    {"", {"--preserve-fd", "-i passes standard input on"}},
    {"", {"--preserve-fds", "-i passes standard input on"}},
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
  for (const auto& [name, option] : kOtherOptions) {
    if ((name.empty() || name == verb.name) && option.name == typed) return &option;
  }
  return nullptr;
}

}  // namespace fcvm::cli
