# What stands above net plugins: addresses and names in the guest, published ports, port-forward, a
# network that breaks. With the test plugin net.tap, which needs root and no helper program.
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/network.sh"
[ "$(id -u)" -eq 0 ] || { echo "this test has to be run as root" >&2; exit 1; }
export FCVM_PATHS_PLUGIN_DIRS=$FCVM_BUILD/tests/net/plugins
make_network_image

web=$(named web) other=$(named other)
export http_proxy=http://user:secret@127.0.0.1:3128/ NO_PROXY=localhost,127.0.0.1 https_proxy=
FCVM_PLUGIN_NET_TAP_BREAK_FILE=$scratch/break start_vm "$web" --network tap \
  -p 7000:7000,7010:7000/udp -p 7020-7021:7000-7001 -p '[::1]:7030:7000' -p 127.0.0.1:7040:7002 \
  --dns 10.77.0.1 --dns-search a.example --dns-option ndots:2 --add-host db:10.1.2.3 \
  --host-loopback --add-host outside:host-gateway --mtu 1400 --mac 52:54:00:AA:bb:cc
check "a VM with a network starts" test "$rc" -eq 0
unset http_proxy NO_PROXY
own=$(host_address "$web")
check "and has an address on the host" contains "$own" 127.

run "$FCVM" port "$web"
check "port lists every port, and where else it is reached" test "$(wc -l <<<"$out")" -eq 10
check "with the VM's address" contains "$out" "7000/tcp -> $own:7000"
check "and the host's loopback, which was free" contains "$out" "7000/tcp -> 127.0.0.1:7000"
run "$FCVM" port "$web" 7000/udp
check "or one of them" test "$out" = "$own:7010"
run "$FCVM" port "$web" 80
check "one that is not published is an error" test "$rc" -eq 125
check "with the remedy" contains "$err" "fcvm port add $web"
run "$FCVM" port --json "$web"
check "port has JSON" test "$(jq -r 'map(select(.container_port == 7001)) | .[0].host_port' <<<"$out")" = 7021
run "$FCVM" ls --format '{{.Ports}}'
check "ls shows ranges" contains "$out" "$own:7020-7021->7000-7001/tcp"
run "$FCVM" inspect "$web"
check "inspect has the guest's address" test "$(jq -r '.[0].NetworkSettings.IPAddress' <<<"$out")" = 10.77.0.2
check "its IPv6 address" test "$(jq -r '.[0].NetworkSettings.GlobalIPv6Address' <<<"$out")" = fd77::2
check "its MAC" test "$(jq -r '.[0].NetworkSettings.MacAddress' <<<"$out")" = 52:54:00:aa:bb:cc
check "and the plugin's version" test "$(jq -r '.[0].Fcvm.Plugins["net.tap"]' <<<"$out")" = 1.0.0

check "TCP arrives" test "$(ask tcp "$own" 7000 hello)" = hello
check "by the host's loopback, too" test "$(ask tcp 127.0.0.1 7000 hello)" = hello
check "UDP arrives" test "$(ask udp "$own" 7010 hello)" = hello
check "a range arrives" test "$(ask tcp "$own" 7020 range)" = range
check "IPv6 arrives" test "$(ask tcp ::1 7030 six)" = six
check "100 MB come whole" test "$(timeout 120 "$peer" fetch 127.0.0.1 7040 | sha256sum | cut -d ' ' -f 1)" = "$big_sum"

open_shell "$web"
check "port-forward finds a free port" test -n "$shell_port"
check "the guest has the MTU" contains "$(guest cat /sys/class/net/eth0/mtu)" 1400
check "the MAC" contains "$(guest cat /sys/class/net/eth0/address)" 52:54:00:aa:bb:cc
check "a default route" contains "$(guest ip route)" "default via 10.77.0.1"
check "one for IPv6" contains "$(guest ip -6 route)" "default via fd77::1"
check "its IPv6 address at once" test -z "$(guest ip -6 address | grep -i tentative)"
resolv=$(guest cat /etc/resolv.conf)
check "its name server" contains "$resolv" "nameserver 10.77.0.1"
check "search domains" contains "$resolv" "search a.example"
check "options" contains "$resolv" "ndots:2"
hosts=$(guest cat /etc/hosts)
check "its hosts" grep -q '^10.1.2.3[[:space:]]*db' <<<"$hosts"
check "the host's gateway" grep -q '^10.77.0.1[[:space:]]*outside' <<<"$hosts"
check "under podman's name" grep -q '^10.77.0.1[[:space:]].*host.containers.internal' <<<"$hosts"
environment=$(guest env)
check "the proxy, by way of the gateway" contains "$environment" "http_proxy=http://user:secret@10.77.0.1:3128/"
check "no_proxy as it was" contains "$environment" "NO_PROXY=localhost,127.0.0.1"
check "no empty one" test -z "$(grep https_proxy <<<"$environment")"
check "no secret in the record" test -z "$(grep -l secret "$FCVM_DATA_DIR"/vms/*/vm.json* "$FCVM_DATA_DIR"/vms/*/*.log)"
check "nobody else reads where one is" test -z "$(find "$FCVM_DATA_DIR"/vms/*/*.json -perm /077)"

"$FCVM" port-forward "$web" :7001 7100:7001 >"$scratch/forward.out" 2>"$scratch/forward.err" &
forward=$!
wait_for 20 grep -q 7100 "$scratch/forward.out"
check "port-forward reaches the guest's loopback" test "$(ask tcp 127.0.0.1 7100 inside)" = inside
for i in $(seq 40); do ask tcp 127.0.0.1 7100 "many-$i" >"$scratch/many-$i" & asks[i]=$!; done
wait "${asks[@]}"
check "many times at once" test "$(cat "$scratch"/many-* | sort -u | grep -c many)" -eq 40
run "$FCVM" port-forward "$web" 7100:7001
check "a port that is taken is an error" contains "$err" "Address already in use"
kill -INT "$forward"
wait "$forward"
check "an interrupt ends it" test $? -eq 0
run ask tcp 127.0.0.1 7100 gone
check "and its port is free" test "$rc" -ne 0
"$FCVM" port-forward "$web" 7101:9 >"$scratch/forward.out" 2>"$scratch/forward.err" &
forward=$!
wait_for 20 grep -q 7101 "$scratch/forward.out"
run ask tcp 127.0.0.1 7101 nobody
check "a port nobody listens on is reset" test "$rc" -ne 0
check "and told" grep -qi refused "$scratch/forward.err"
kill "$forward"
wait "$forward"

start_vm "$other" --network tap -p 7000:7000
check "another VM publishes the same port" test "$rc" -eq 0
check "and says that the host's loopback is taken, and by whom" contains "$err" "alone, and not at 127.0.0.1:7000, which VM $web publishes"
check "on an address of its own" test "$(host_address "$other")" != "$own"
check "and answers there" test "$(ask tcp "$(host_address "$other")" 7000 other)" = other
run vm --rm --network tap -p 127.0.0.1:7040:80 fcvm/hello
check "a port that is taken fails before the VM boots" test "$rc" -eq 125
check "with its name" contains "$err" 7040
run "$FCVM" port add "$other" 127.0.0.1:7000:7000
check "one that another VM has is said to be that VM's" contains "$err" "VM $web publishes that port"
run "$FCVM" port rm "$other" 7999:1
check "one that is not published is named as it was written" contains "$err" "7999:1/tcp is not published"

run "$FCVM" port add "$web" 7050:7000 7051:7000/udp
check "ports can be added" test "$rc" -eq 0
check "and lead inside" test "$(ask tcp "$own" 7050 more)" = more
check "also for UDP" test "$(ask udp "$own" 7051 more)" = more
run "$FCVM" stats --no-stream --json "$web"
check "stats counts what the network carries" test "$(jq '.[0] | .net_input > 0 and .net_output > 0' <<<"$out")" = true
run "$FCVM" port add "$web" 7052:7000 127.0.0.1:7040:7000
check "all or none is added" test "$rc" -eq 125
run ask tcp "$own" 7052 none
check "so the first is not" test "$rc" -ne 0
run "$FCVM" port add "$web" 7050:80
check "one of our own that is taken is named" contains "$err" "7050"
run "$FCVM" port rm "$web" 7050:7000
check "ports can be removed" test "$rc" -eq 0
run ask tcp "$own" 7050 gone
check "and are gone" test "$rc" -ne 0
check "from the list too" test -z "$("$FCVM" port "$web" | grep 7050)"
run "$FCVM" port rm "$web" 7050:7000
check "once only" contains "$err" "is not published"

# dial-tcp of the control socket, which hands over a connection to the guest's address.
dial_tcp() {
  python3 - "$FCVM_PATHS_RUNTIME_DIR/$1/control.sock" "$2" <<'PYTHON'
import json, socket, sys
control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1])
control.sendall(json.dumps({"verb": "dial-tcp", "port": int(sys.argv[2])}).encode() + b"\n")
line, fds, _, _ = socket.recv_fds(control, 1 << 16, 8)
answer = json.loads(line)
if not answer["ok"]:
    sys.exit(answer["message"])
guest = socket.socket(fileno=fds[0])
guest.sendall(b"dialled")
print(guest.recv(100).decode())
PYTHON
}
id=$("$FCVM" inspect --format '{{.Id}}' "$web")
run dial_tcp "$id" 7000
check "the supervisor dials the guest's address" test "$out" = dialled
run dial_tcp "$id" 9
check "and says when nobody listens there" contains "$err" refused
run dial_tcp "$id" 70000
check "or that there is no such port" contains "$err" "no TCP port 70000"

touch "$scratch/break"
broken() { [ -n "$("$FCVM" inspect --format '{{.NetworkSettings.Error}}' "$1")" ]; }
check "a network that breaks is noticed" wait_for 20 broken "$web"
check "inspect says how" contains "$("$FCVM" inspect --format '{{.NetworkSettings.Error}}' "$web")" "break-file"
check "ls shows it" contains "$("$FCVM" ls --filter name="$web")" "network broken"
check "events tell it" contains "$("$FCVM" events --stream=false --filter event=network)" "$web"
check "and the VM goes on" running "$web"
close_shell

"$FCVM" port-forward "$other" :7001 >"$scratch/forward.out" 2>"$scratch/forward.err" &
forward=$!
wait_for 20 grep -q Forwarding "$scratch/forward.out"
id=$("$FCVM" inspect --format '{{.Id}}' "$other")
kill -9 "$(supervisor_of "$other")"
wait "$forward"
check "port-forward ends with its VM" test $? -eq 125
run ask tcp "$own" 7000 alive
check "a killed supervisor takes no other VM along" test "$rc" -eq 0
"$FCVM" rm -f "$other" "$web" >/dev/null
check "nothing is left" nothing_left "$web" "$other"
check "no port" test -z "$(ss -Hltnu "src $own" 2>/dev/null)"
finish
