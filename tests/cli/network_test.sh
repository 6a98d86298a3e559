# Networks without VMs: the options of `run`, and the verbs of ports, against a supervisor without a
# VM and an agent on local sockets.
. "$(dirname "$0")/../support/own_network.sh"
. "$(dirname "$0")/../support/assert.sh"

export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"
export FCVM_PATHS_PLUGIN_DIRS="$FCVM_BUILD/tests/net/plugins:$FCVM_BUILD/lib/fcvm/examples"
peer=$FCVM_BUILD/tests/net_peer
pids=()
cleanup() {
  "$FCVM" rm -af >/dev/null 2>&1
  for one in "${pids[@]}"; do kill -9 "$one" 2>/dev/null; done
  rm -rf "$scratch"
}
trap cleanup EXIT
wait_for() {
  local end=$((SECONDS + 20))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# Nothing of these comes to look for a guest: what a user wrote is judged first.
# refused "what" "part of the message" OPTION...
refused() {
  local what=$1 message=$2
  shift 2
  run "$FCVM" run --dry-run "$@" image
  check "$what is refused" test "$rc" -eq 125
  check "$what has its message" contains "$err" "$message"
}
refused "an unknown network" "no net plugin" --network bridge
refused "port 0" "port 0 cannot be published" --network tap -p 0:80
refused "port 65536" "there is no port 65536" --network tap -p 80:65536
refused "a reversed range" "the range 90-80 is reversed" --network tap -p 90-80:1-11
refused "a range of another length" "cannot lead to" --network tap -p 80-90:1-2
refused "an unknown protocol" "is not a protocol" --network tap -p 80:80/sctp
refused "a word for a port" "is not a port number" --network tap -p http:80
refused "an address of another host" "is not an address of this host" --network tap -p 192.0.2.1:80:80
refused "one of IPv6" "is not an address of this host" --network tap -p '[2001:db8::1]:80:80'
refused "IPv6 without brackets" "in brackets" --network tap -p ::1:80:80
refused "a name for an address" "is not an IP address" --network tap -p localhost:80:80
refused "an overlap" "overlaps with 80-90:80-90/tcp" --network tap -p 80-90:80-90 -p 85:1
refused "an overlap in one list" "overlaps" --network tap -p 80:80,80:81
refused "publishing without a network" "--publish needs a network" --network none -p 80:80
refused "an address without a network" "--ip needs a network" --network none --ip 10.0.0.1
refused "a network that cannot publish" "cannot do that" --network null -p 80:80
refused "an address where none is chosen" "cannot do that" --network tap --ip 10.77.0.9
refused "a wrong address" "is not an IPv4 address" --network tap --ip 10.77.0
refused "a wrong IPv6 address" "is not an IPv6 address" --network tap --ip6 fd00:::1
refused "a wrong MAC" "is not a MAC address" --network tap --mac-address 52:54
refused "the MAC of a group" "not the address of one interface" --network tap --mac 01:00:5e:00:00:01
refused "a wrong name server" "is not an IP address" --network tap --dns dns.example
refused "a search domain with a blank" "cannot stand in resolv.conf" --network tap --dns-search 'a b'
refused "a host without address" "NAME:ADDRESS" --network tap --add-host db
refused "a host with a wrong one" "is not an IP address" --network tap --add-host db:there
refused "the gateway that is closed" "--host-loopback=PORT" --network tap --add-host h:host-gateway
refused "the gateway that a profile opened and this closes" "closed to VMs" --network tap --host-loopback --host-loopback=none --add-host h:host-gateway
refused "a word for a port that is opened" '"http" is not a port' --network tap --host-loopback=http
refused "port 0 that is opened" '"0" is not a port' --network tap --host-addresses=80,0
refused "a reversed range that is opened" "is reversed" --network tap --host-loopback=90-80
refused "a protocol that has no ports" "is not a protocol" --network tap --host-loopback=80/icmp
refused "some ports where a network knows no such" "keep the others closed" --network null --host-loopback=80
refused "a rate where there is none" "cannot do that" --network tap --network-rate 10M
refused "a rate without a network" "needs a network" --network none --network-rate 10M
refused "a rate that is none" "is not a rate" --network tap --network-rate fast
refused "a rate of another unit" "is not a rate" --network tap --network-rate 10T
refused "a rate too slow for anything" "does not serve" --network tap --network-rate in=1k
run "$FCVM" run --dry-run --network null image
check "a network that promises nothing is told of" contains "$err" "does not promise"
run "$FCVM" run --dry-run --network tap --host-loopback image
check "an option that may stand alone leaves the image alone" test "${err/is not a port/}" = "$err"
refused "a small MTU" "between 576 and 65520" --network tap --mtu 100
refused "a malformed prefix" "is not an IPv6 prefix" --network tap --ipv6-prefix 2001:db8::1
refused "a prefix with more bits" "beyond its first 64" --network tap --ipv6-prefix 2001:db8::1/64
refused "a long prefix" "/121 does not serve" --network tap --ipv6-prefix 2001:db8::/121
refused "a prefix where there is none" "cannot do that" --network tap --ipv6-prefix 2001:db8::/64

printf '[profile.web]\nnetwork = "tap"\npublish = ["8080:80", "0:1"]\n' >"$scratch/web.toml"
run "$FCVM" run --dry-run --config "$scratch/web.toml" --profile web image
check "a profile's ports are judged, too" contains "$err" "port 0 cannot be published"

run "$FCVM" port nothing
check "port of a VM that is not there is an error" test "$rc" -eq 125
run "$FCVM" port add nothing 0:80
check "wrong ports are told first" contains "$err" "port 0"
run "$FCVM" port-forward nothing x
check "here, too" contains "$err" "is not a port"

run "$FCVM" run --dry-run --network net.tap -p 80 image
check "an id names a network as well as its name, and a port may stand alone" contains "$err" "fcvm setup"

mkdir -p "$scratch/guest"
"$FCVM_BUILD/tests/fc-agent-hosted" "$scratch/guest" 2>"$scratch/guest/log" &
pids+=($!)
disown
wait_for test -S "$scratch/guest/5103"
: >"$scratch/id"
"$FCVM_BUILD/tests/fake_supervisor" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" web published broken \
  "agent=$scratch/guest" >"$scratch/id" &
supervisor=$!
pids+=($supervisor)
disown
wait_for test -s "$scratch/id"

run "$FCVM" port web
check "port expands ranges" test "$(sort <<<"$out" | tr '\n' ',')" = \
  "5353/udp -> [::1]:53,80/tcp -> 127.20.0.9:8000,81/tcp -> 127.20.0.9:8001,"
run "$FCVM" podman port web 81
check "podman port names one" test "$out" = 127.20.0.9:8001
run "$FCVM" port web 5353/udp
check "by its protocol" test "$out" = "[::1]:53"
run "$FCVM" port web 5353
check "TCP is meant without one" contains "$err" "5353/tcp of VM web is not published"
run "$FCVM" port web x/tcp
check "what is not a port is an error" contains "$err" "is not a port of a VM"
run "$FCVM" port --json web
check "JSON has podman's keys" test "$(jq -r '.[2] | "\(.host_ip) \(.host_port) \(.container_port) \(.protocol)"' <<<"$out")" = "::1 53 5353 udp"
run "$FCVM" ls
check "ls shows that the network broke" contains "$out" "(network broken)"
run "$FCVM" inspect --format '{{.NetworkSettings.Error}}' web
check "inspect says how" test "$out" = "its helper ended"
run "$FCVM" port add web 80:80
check "the supervisor's own error comes back" contains "$err" "what is publish?"

"$peer" echo 17001 loopback &
pids+=($!)
disown
"$FCVM" port-forward web :17001 17002:17001 :17003 >"$scratch/out1" 2>"$scratch/err1" &
forward=$!
pids+=($forward)
wait_for grep -q 17003 "$scratch/out1"
port=$(sed -n '1s/.*127.0.0.1:\([0-9]*\) -> 17001/\1/p' "$scratch/out1")
dead=$(sed -n '3s/.*127.0.0.1:\([0-9]*\) -> 17003/\1/p' "$scratch/out1")
wait_for "$peer" ask tcp 127.0.0.1 "$port" ready
check "port-forward finds a free port" test "$("$peer" ask tcp 127.0.0.1 "$port" hello)" = hello
check "or takes the one it is given" test "$("$peer" ask tcp 127.0.0.1 17002 there)" = there
head -c 20000000 /dev/urandom >"$scratch/much"
check "much comes back whole" test "$("$peer" talk 127.0.0.1 17002 <"$scratch/much" | sha256sum)" = "$(sha256sum <"$scratch/much")"
for i in $(seq 50); do "$peer" ask tcp 127.0.0.1 17002 "$i" >"$scratch/many-$i" & asks[i]=$!; done
wait "${asks[@]}"
check "many at once" test "$(cat "$scratch"/many-* | sort -n | tr '\n' ' ')" = "$(seq 50 | tr '\n' ' ')"
run "$peer" ask tcp 127.0.0.1 "$dead" hello
check "where nobody listens, nothing comes" test "$rc" -ne 0
check "which is told" grep -q "17003" "$scratch/err1"
run "$FCVM" port-forward web 17002:17001
check "a port that is taken is an error" contains "$err" "port 17002"
run "$FCVM" port-forward --address 192.0.2.1 web 17005:17001
check "so is an address of another host" contains "$err" "192.0.2.1"
kill -TERM "$forward"
wait "$forward"
check "SIGTERM ends it well" test $? -eq 0
"$FCVM" port-forward --address ::1 web 17006:17001 >"$scratch/out2" 2>"$scratch/err2" &
forward=$!
wait_for grep -q "\[::1\]:17006" "$scratch/out2"
check "IPv6 can be listened on" test "$("$peer" ask tcp ::1 17006 six)" = six
kill -9 "$supervisor"
wait "$forward"
check "it ends with its VM" test $? -eq 125
check "and says so" contains "$(cat "$scratch/err2")" "VM web has ended"
run "$FCVM" port-forward web 17002:17001
check "an exited VM is an error" contains "$err" "exited"
run "$FCVM" port add web 80:80
check "for port add, too" contains "$err" "exited"

run "$FCVM" run --dry-run --network none --host-loopback=80 fcvm/hello
check "nothing is opened where there is no network" contains "$err" "--host-loopback"
run "$FCVM" run --dry-run --host-loopback 8080 fcvm/hello
check "a port is not taken for the image" contains "$err" "write --host-loopback=8080"
finish
