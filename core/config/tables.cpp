#include "core/config/tables.hpp"

#include <algorithm>
#include <cctype>

namespace fcvm::config {

namespace {

OptionTable log_table() {
  return {"log",
          "What fcvm says about its own work, on standard error",
          {
              {.name = "level",
               .initial = "info",
               .help = "Least important message that is printed",
               .environment = {"FCVM_LOG"},
               .choices = {"trace", "debug", "info", "warn", "error", "off"}},
              {.name = "format",
               .initial = "text",
               .help = "Lines for people, or one JSON object per message",
               .choices = {"text", "json"}},
          }};
}

OptionTable paths_table() {
  return {"paths",
          "Where fcvm keeps and finds things",
          {
              {.name = "data-dir",
               .help = "Kernels, images, snapshots and disks; as root /var/lib/fcvm, else "
                       "$XDG_DATA_HOME/fcvm",
               .environment = {"FCVM_DATA_DIR", "FCVM_BASE_DIR"}},
              {.name = "plugin-dirs",
               .type = Type::kList,
               .help = "Directories searched for plugins before the installed one",
               .separator = ':'},
              {.name = "runtime-dir",
               .help = "Sockets and state of running VMs; as root /run/fcvm, else "
                       "$XDG_RUNTIME_DIR/fcvm"},
          }};
}

OptionTable jail_table() {
  return {"jail",
          "What VMMs, which a guest might take over, are kept in",
          {
              {.name = "at-least",
               .initial = "none",
               .help = "Without a jail as good as this no VM is started; none: it is a warning",
               .choices = {"none", "landlock", "namespaces"}},
              {.name = "enabled",
               .type = Type::kBoolean,
               .initial = "true",
               .help = "false lets VMMs run as the user who runs fcvm, with all that is its"},
              {.name = "uids",
               .initial = "3000000000-3000065535",
               .help = "As root: users of the host that are nobody else's, one for each VM"},
              {.name = "files",
               .type = Type::kList,
               .help = "Files and directories that VMMs may read besides what their VMs need",
               .separator = ':'},
          }};
}

OptionTable setup_table() {
  return {"setup",
          "What `fcvm setup` makes guests from",
          {
              {.name = "suite",
               .initial = "trixie",
               .help = "Debian suite of the guest's root file system and kernel"},
              {.name = "mirror", .help = "Mirror of that suite; by default mmdebstrap's own"},
              {.name = "kernel",
               .initial = "suite",
               .help = "Where the guest kernel comes from",
               .choices = {"suite", "host", "path", "url"}},
              {.name = "kernel-path", .help = "Kernel image (bzImage) for kernel = \"path\""},
              {.name = "kernel-modules",
               .help = "lib/modules/VERSION of that kernel; by default the host's of its version"},
              {.name = "kernel-url", .help = "Kernel image for kernel = \"url\""},
              {.name = "kernel-sha256", .help = "Digest which the download must have"},
          }};
}

OptionTable serve_table() {
  return {
      "serve",
      "Sandboxes over HTTP, as `fcvm serve` offers them",
      {
          {.name = "listen",
           .initial = "127.0.0.1:8090",
           .help = "ADDRESS:PORT, or unix:PATH of a socket that is this user's alone"},
          {.name = "token-file",
           .help = "Who may use it: a line for each token, sha256:DIGEST NAME"},
          {.name = "templates",
           .type = Type::kMap,
           .help = "What they are made of: NAME = \"IMAGE [COMMAND]\"; [profile.NAME] has options"},
          {.name = "images",
           .type = Type::kBoolean,
           .initial = "false",
           .help = "Let clients name any image of a registry in place of a template"},
          {.name = "domain",
           .help = "What sandboxes' hosts end with, PORT-ID.DOMAIN, where names lead here"},
      }};
}

std::vector<Option> machine_options() {
  return {
      {.name = "name", .help = "Name of the VM; made up when not given"},
      {.name = "vmm", .initial = "auto", .help = "VMM plugin; auto takes the best that works here"},
      {.name = "cpus",
       .type = Type::kInteger,
       .initial = "2",
       .help = "Virtual CPUs",
       .aliases = {"cpu"},
       .range = Range{.min = 1, .max = 256}},
      {.name = "mem",
       .type = Type::kSize,
       .initial = "1G",
       .help = "Memory of the VM; a bare number is in MiB, and with --memory and -m in bytes",
       .letter = 'm',
       .aliases = {"memory"},
       .unit = kMiB,
       .in_bytes = "memory"},
      {.name = "balloon",
       .type = Type::kSize,
       .help = "Memory that the VM gives back from the start; `fcvm balloon` changes it; bare: MiB",
       .unit = kMiB},
      {.name = "hugepages",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Back the VM's memory by huge pages, which the host has to have reserved"},
      {.name = "rootfs-size",
       .type = Type::kSize,
       .initial = "10G",
       .help = "Size of the VM's writable disk; a bare number is in GiB",
       .range = Range{.min = 1 << 20},
       .unit = kGiB},
      {.name = "device-read-bps",
       .help = "Bytes a second that the VM may read from each of its disks: 10M"},
      {.name = "device-write-bps", .help = "Bytes a second that it may write"},
      {.name = "device-read-iops", .help = "Requests a second to read"},
      {.name = "device-write-iops", .help = "Requests a second to write"},
      {.name = "kernel", .help = "Kernel image to boot instead of the one `fcvm setup` made"},
      {.name = "kernel-args",
       .type = Type::kList,
       .help = "Words for the kernel's command line, after fcvm's own: loglevel=7",
       .separator = ' '},
      {.name = "quiet",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Show no progress",
       .letter = 'q'},
      {.name = "image-mode",
       .initial = "auto",
       .help = "Image plugin; auto takes the fastest that works here"},
  };
}

std::vector<Option> network_options() {
  return {
      {.name = "network",
       .initial = "auto",
       .help = "a plugin (rootless, bridged, routed...), none, or auto: the best that works, else "
               "none",
       .aliases = {"net"}},
      {.name = "publish",
       .type = Type::kList,
       .help = "[HOSTIP:][HOSTPORT:]GUESTPORT[/tcp|udp], or ranges: host ports that lead to the "
               "VM's",
       .letter = 'p'},
      {.name = "publish-all",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Publish each port that the image exposes, at any port of the host that is free",
       .letter = 'P'},
      {.name = "publish-address",
       .initial = "127.0.0.1",
       .help = "Where ports without an address are reached, too, if they are free there; or none"},
      {.name = "dns", .type = Type::kList, .help = "Name server of the VM; by default the host's"},
      {.name = "dns-search",
       .type = Type::kList,
       .help = "Domain to look names up in; by default the host's, and none with `.`"},
      {.name = "dns-option",
       .type = Type::kList,
       .help = "Option of resolv.conf(5), such as ndots:2",
       .aliases = {"dns-opt"}},
      {.name = "add-host",
       .type = Type::kList,
       .help = "NAME:ADDRESS for /etc/hosts; host-gateway is the host's loopback, if that is open"},
      {.name = "mtu",
       .type = Type::kInteger,
       .help = "Largest packet of the VM's network",
       .range = Range{.min = 576, .max = 65520}},
      {.name = "ip", .help = "IPv4 address of the VM, where the network lets it be chosen"},
      {.name = "ip6", .help = "IPv6 address of the VM, where the network lets it be chosen"},
      {.name = "mac-address", .help = "MAC address of the VM", .aliases = {"mac"}},
      {.name = "host-loopback",
       .type = Type::kList,
       .help = "Open the host's loopback, host.containers.internal, to the VM: all of it, or "
               "these PORT[-PORT]s",
       .bare = "all"},
      {.name = "host-addresses",
       .type = Type::kList,
       .help = "Let the VM reach the host's own addresses: all ports, or PORT[-PORT][/tcp|udp],...",
       .bare = "all"},
      {.name = "link-local",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Let the VM reach link-local addresses, and with them the cloud's metadata"},
      {.name = "network-rate",
       .help = "Most that the VM's network carries in a second, in bits: 100M, or in=100M,out=10M"},
      {.name = "ipv6-prefix",
       .help = "Prefix that a routed VM takes its IPv6 address from, such as 2001:db8:1::/64"},
      {.name = "http-proxy",
       .type = Type::kBoolean,
       .initial = "true",
       .help = "Hand http_proxy, https_proxy, ftp_proxy and no_proxy on to the VM"},
  };
}

std::vector<Option> container_options() {
  return {
      {.name = "env",
       .type = Type::kMap,
       .help = "Variable of the container; without a value, the host's",
       .letter = 'e',
       .separator = '\n',
       .bare_key = BareKey::kFromEnvironment},
      {.name = "env-file",
       .type = Type::kList,
       .help = "File of KEY=VALUE lines for the container's environment"},
      {.name = "metadata-env",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Tell the container's environment at 169.254.169.254 to any process of the guest"},
      {.name = "label",
       .type = Type::kMap,
       .help = "Label of the VM",
       .letter = 'l',
       .separator = '\n',
       .bare_key = BareKey::kEmpty},
      {.name = "volume",
       .type = Type::kList,
       .help = "HOST:CONTAINER[:ro], a directory of this host that the container sees",
       .letter = 'v',
       .aliases = {"map"},
       .separator = '\n'},
      {.name = "workdir", .help = "Working directory in the container", .letter = 'w'},
      {.name = "user", .help = "User[:group] in the container, names or numbers", .letter = 'u'},
      {.name = "hostname", .help = "Host name of the VM; by default its name"},
      {.name = "entrypoint", .help = "Entry point instead of the image's"},
      {.name = "cmd", .help = "Command instead of the image's"},
      {.name = "privileged",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Run the container with every capability inside its VM"},
      {.name = "pids-limit",
       .type = Type::kInteger,
       .help = "Processes that the container may have; -1 for any number",
       .range = Range{.min = -1, .max = 4194304}},
      {.name = "tmpfs",
       .type = Type::kList,
       .help = "PATH[:OPTIONS] in the container where a file system in memory is mounted"},
      {.name = "shm-size", .type = Type::kSize, .help = "Size of the container's /dev/shm"},
      {.name = "ulimit", .type = Type::kList, .help = "NAME=SOFT[:HARD], a limit of its processes"},
      {.name = "cap-add", .type = Type::kList, .help = "Capability that the container has, too"},
      {.name = "cap-drop", .type = Type::kList, .help = "Capability that it has not"},
      {.name = "security-opt",
       .type = Type::kList,
       .help = "no-new-privileges, seccomp=unconfined, mask=PATH or unmask=PATH"},
      {.name = "group-add", .type = Type::kList, .help = "Group that the container's user is in"},
      {.name = "device",
       .type = Type::kList,
       .help = "Device of the guest that the container gets: /dev/fuse, /dev/net/tun"},
      {.name = "read-only",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Let the container write only where something is mounted"},
      {.name = "init",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Put a small init in front of the command, which reaps what it leaves behind"},
      {.name = "stop-signal",
       .help = "Signal that asks the command to end; by default the image's, else TERM"},
      {.name = "sysctl",
       .type = Type::kMap,
       .help = "NAME=VALUE of the container's kernel, which is its own: net.core.somaxconn=1024",
       .separator = '\n'},
      {.name = "tz", .help = "Time zone of the container: Europe/Berlin"},
      {.name = "annotation",
       .type = Type::kMap,
       .help = "Annotation of the container, for its runtime",
       .separator = '\n'},
      {.name = "umask", .help = "File modes that the container's files do not get: 0022"},
      {.name = "unsetenv",
       .type = Type::kList,
       .help = "Variable of the image that the container does not get"},
      {.name = "unsetenv-all",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Give the container none of the image's variables"},
      {.name = "env-host",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Hand the caller's whole environment on"},
      {.name = "label-file", .type = Type::kList, .help = "File of KEY=VALUE lines for labels"},
      {.name = "no-hosts",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Leave the image's /etc/hosts as it is"},
      {.name = "platform",
       .help = "Of several images under one name, the one for this: linux/amd64"},
      {.name = "pull",
       .initial = "missing",
       .help = "When to fetch the image",
       .choices = {"always", "missing", "never", "newer"}},
  };
}

std::vector<Option> readiness_options() {
  return {
      {.name = "wait-ready",
       .type = Type::kList,
       .help =
           "mode=NAME,OPTION=VALUE,... of a gate: vsock, http, log, exec or another plugin; all "
           "have to pass",
       .separator = '\n'},
      {.name = "ready-timeout",
       .type = Type::kDuration,
       .initial = "10m",
       .help = "Longest time from the container's start until all gates have passed"},
      {.name = "health-check",
       .help = "URL in the guest that has to answer: --wait-ready mode=http,url=URL"},
      {.name = "health-check-timeout",
       .type = Type::kDuration,
       .initial = "5s",
       .help = "Longest time that an attempt of --health-check may take"},
  };
}

std::vector<Option> health_options() {
  return {
      {.name = "health-cmd",
       .help = "Command in the container that exits with 0 while it is well; none for no check"},
      {.name = "health-interval",
       .type = Type::kDuration,
       .help = "Time between two checks; by default the image's, else 30s"},
      {.name = "health-retries",
       .type = Type::kInteger,
       .help = "Failures in a row that make it unhealthy; by default the image's, else 3",
       .range = Range{.min = 1, .max = 999}},
      {.name = "health-start-period",
       .type = Type::kDuration,
       .help = "Time after the start in which failures do not count"},
      {.name = "health-timeout",
       .type = Type::kDuration,
       .help = "Longest time that a check may take; by default the image's, else 30s"},
      {.name = "health-on-failure",
       .initial = "none",
       .help = "What is done about a container that turns unhealthy",
       .choices = {"none", "kill", "stop"}},
      {.name = "no-healthcheck",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Leave the image's health check out"},
  };
}

std::vector<Option> terminal_options() {
  return {
      {.name = "interactive",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Pass stdin on to the container",
       .letter = 'i'},
      {.name = "tty",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Give the container a terminal",
       .letter = 't'},
      {.name = "detach-keys",
       .initial = "ctrl-p,ctrl-q",
       .help = "Keys that leave the container running; empty for none"},
      {.name = "sig-proxy",
       .type = Type::kBoolean,
       .initial = "true",
       .help = "Pass signals on to a container with -i or -t"},
  };
}

std::vector<Option> snapshot_options() {
  return {
      {.name = "snapshot",
       .help = "Begin as a clone of this snapshot if it was made from the same, else boot"},
      {.name = "save-snapshot", .help = "Save the VM under this tag once it is ready; it goes on"},
      {.name = "no-snapshot",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Neither use nor make a snapshot, whatever else is said",
       .environment = {"FCVM_NO_SNAPSHOT"}},
  };
}

std::vector<Option> life_options() {
  return {
      {.name = "rm",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Remove the VM when its container ends"},
      {.name = "detach",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Leave the VM running in the background and print its id",
       .letter = 'd'},
      {.name = "restart",
       .initial = "no",
       .help =
           "Start the container again when it ends: no, always, unless-stopped, on-failure[:N]"},
      {.name = "timeout",
       .type = Type::kDuration,
       .initial = "0s",
       .help = "Longest time the container may run; 0 for no limit"},
      {.name = "stop-timeout",
       .type = Type::kDuration,
       .initial = "10s",
       .help = "Grace of a container that was asked to stop"},
      {.name = "log-driver",
       .initial = "k8s-file",
       .help = "Where the container's output is kept",
       .choices = {"k8s-file", "json-file", "journald", "none", "passthrough"}},
      {.name = "log-opt",
       .type = Type::kMap,
       .help = "Bounds of a log file: max-size=16M for each, and max-file=4 of them"},
      {.name = "replace",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "First remove a VM that has the name, running or not"},
      {.name = "cidfile", .help = "File to write the id to; must not exist"},
      {.name = "dry-run",
       .type = Type::kBoolean,
       .initial = "false",
       .help = "Print what would be run, and do not run it"},
  };
}

OptionTable make_run_table() {
  OptionTable table{
      "run", "Defaults of `fcvm podman run`, which each [profile.NAME] may set too", {}};
  for (auto rows : {machine_options(), network_options(), container_options(), readiness_options(),
                    health_options(), snapshot_options(), terminal_options(), life_options()}) {
    table.options.insert(table.options.end(), rows.begin(), rows.end());
  }
  return table;
}

}  // namespace

const std::vector<OptionTable>& core_tables() {
  static const std::vector<OptionTable> tables{log_table(),   paths_table(), jail_table(),
                                               setup_table(), serve_table(), make_run_table()};
  return tables;
}

const OptionTable* core_table(std::string_view section) {
  const auto& tables = core_tables();
  const auto found =
      std::find_if(tables.begin(), tables.end(),
                   [section](const OptionTable& table) { return table.section == section; });
  return found == tables.end() ? nullptr : &*found;
}

const OptionTable& run_table() { return *core_table("run"); }

std::string environment_name(std::string_view section, std::string_view name) {
  std::string out = "FCVM_" + std::string(section) + "_" + std::string(name);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return out;
}

std::string belongs_elsewhere(std::string_view key) {
  for (const OptionTable& table : core_tables()) {
    if (table.find(key) != nullptr) return "; it belongs in [" + table.section + "]";
  }
  return {};
}

}  // namespace fcvm::config
