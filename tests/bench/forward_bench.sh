# How fast and how cheaply ports are forwarded: fcvm-forward beside pasta, slirp4netns, socat, and a
# direct connection without any forwarder. One JSON line each, medians of interleaved runs.
#
#   gbit_s         throughput of one TCP connection, as iperf3's receiver saw it
#   cpu_s          what the forwarder used; for the direct connection, both ends of iperf3
#   gb_per_cpu_s   gigabytes moved for each of these CPU seconds
#
# Three network namespaces, all of the bench's own: here (the host), V (the VM's) and G (the guest's),
# joined by a veth pair. Each forwards from a loopback address by its best way:
#   direct    client in V, server in G: the bare veth
#   fcvm      from here to G: it accepts here and dials from V
#   socat     from V's loopback to G: it cannot listen in another namespace than it dials from
#   pasta     from here to the loopback of V: with splice, past the guest's network
#   slirp     from here to V, through its own TCP stack and a tap
#
# FCVM_BUILD names a release build tree; needs iperf3, jq, passt, slirp4netns, socat, iproute2
# (packaging/install-dependencies.sh bench). SECONDS_EACH (3) and RUNS (5) choose how long.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}"
if [ -z "${FCVM_BENCH_INSIDE:-}" ]; then
  # A user namespace, so that no privilege is needed; a pid namespace, so that nothing is left.
  export FCVM_BENCH_INSIDE=1
  exec unshare --user --map-root-user --net --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi
seconds=${SECONDS_EACH:-3} runs=${RUNS:-5}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
ticks=$(getconf CLK_TCK)

unshare --user --map-root-user --net sleep infinity & v=$! # pasta wants one of its own to join
unshare --net sleep infinity & g=$!
in_v() { nsenter --target "$v" --net "$@"; }
in_g() { nsenter --target "$g" --net "$@"; }
until [ "$(readlink /proc/$g/ns/net)" != "$(readlink /proc/self/ns/net)" ] &&
      [ "$(readlink /proc/$v/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link set lo up
# pasta copies addresses and a default route, so there have to be some.
ip link add name uplink type veth peer name wire
ip address add 10.6.0.1/24 dev uplink
ip link set uplink up
ip link set wire up
ip route add default via 10.6.0.2
in_v ip link set lo up
in_g ip link set lo up
ip link add name inside netns $v type veth peer name outside netns $g
in_v ip address add 10.9.0.1/24 dev inside
in_g ip address add 10.9.0.2/24 dev outside
in_v ip link set inside up
in_g ip link set outside up

in_g iperf3 --server >/dev/null & # for direct, fcvm and socat
in_v iperf3 --server >/dev/null & # for pasta and slirp

mkfifo "$scratch/hold"
"$FCVM_BUILD/tests/forward_runner" /proc/$v/ns/net 10.9.0.2 5201 127.0.0.2 6001 \
  <"$scratch/hold" >"$scratch/fcvm.pid" &
exec 9>"$scratch/hold" # its standard input, open for as long as we are there
nsenter --target "$v" --net socat TCP-LISTEN:6002,bind=127.0.0.3,reuseaddr,fork,nodelay \
  TCP:10.9.0.2:5201,nodelay 2>/dev/null &
socat=$!
pasta --foreground --quiet --stderr --tcp-ports 127.0.0.4/6003:5201 --udp-ports none --tcp-ns none \
  --udp-ns none --config-net --ns-ifname pasta0 --address 10.8.0.2 --netmask 255.255.255.0 \
  --gateway 10.8.0.1 --ipv4-only $v 2>/dev/null &
pasta=$!
slirp4netns --configure --api-socket "$scratch/slirp.sock" --cidr 10.7.0.0/24 --mtu 65520 $v slirp0 \
  >/dev/null 2>"$scratch/slirp.log" &
slirp=$!
until [ -S "$scratch/slirp.sock" ] && [ -s "$scratch/fcvm.pid" ]; do sleep 0.1; done
fcvm=$(cat "$scratch/fcvm.pid")
jq -nc '{execute: "add_hostfwd", arguments: {proto: "tcp", host_addr: "127.0.0.5", host_port: 6004,
  guest_addr: "10.7.0.100", guest_port: 5201}}' |
  socat -t 2 - "UNIX-CONNECT:$scratch/slirp.sock" | grep -q '"return"'

# CPU seconds of a process and of its ended children; socat has a child for each connection.
cpu_of() { awk -v hz="$ticks" '{sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / hz}' "/proc/$1/stat"; }

# measure NAME PID DIRECTION CLIENT... appends one JSON line to the results.
measure() {
  local name=$1 pid=$2 direction=$3 before after
  shift 3
  [ "$direction" = to-guest ] || set -- "$@" --reverse
  before=0 after=0
  [ "$pid" = none ] || before=$(cpu_of "$pid")
  if ! "$@" --time "$seconds" --json >"$scratch/run.json"; then
    echo "$name: $(jq -r .error "$scratch/run.json")" >&2
    exit 1
  fi
  sleep 0.3 # for a child to be reaped
  [ "$pid" = none ] || after=$(cpu_of "$pid")
  jq -c --arg name "$name" --arg direction "$direction" --argjson cpu "$(jq -n "$after - $before")" \
    --arg pid "$pid" '.end | .sum_received as $got
    | ((.cpu_utilization_percent.host_total + .cpu_utilization_percent.remote_total) / 100
       * $got.seconds) as $ends
    | (if $pid == "none" then $ends else $cpu end) as $used
    | {bench: "forward", $name, $direction, gbit_s: ($got.bits_per_second / 1e9), cpu_s: $used,
       gb_per_cpu_s: ($got.bytes / 1e9 / $used)}' "$scratch/run.json" >>"$scratch/results"
}

for _ in $(seq "$runs"); do
  for direction in to-guest from-guest; do
    measure direct none $direction in_v iperf3 --client 10.9.0.2
    measure fcvm "$fcvm" $direction iperf3 --client 127.0.0.2 --port 6001
    measure pasta "$pasta" $direction iperf3 --client 127.0.0.4 --port 6003
    measure slirp4netns "$slirp" $direction iperf3 --client 127.0.0.5 --port 6004
    measure socat "$socat" $direction in_v iperf3 --client 127.0.0.3 --port 6002
  done
done
jq -sc 'def median: sort | if length % 2 == 1 then .[length / 2 | floor]
          else (.[length / 2 - 1] + .[length / 2]) / 2 end;
  def rounded: . * 100 | round / 100;
  group_by([.direction, .name])[] | {bench: "forward", name: .[0].name, direction: .[0].direction,
    gbit_s: (map(.gbit_s) | median | rounded), cpu_s: (map(.cpu_s) | median | rounded),
    gb_per_cpu_s: (map(.gb_per_cpu_s) | median | rounded), runs: length}' "$scratch/results"
