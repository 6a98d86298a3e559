# The scenario of network_rootless_test.sh, in the world that it made.
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/network.sh"

web=$(named web) other=$(named other)
start_vm "$web" --host-loopback=9001,9003/tcp -p 7000:7000,7010:7000/udp -p '[::1]:7030:7000' -p 127.0.0.1:7040:7002
check "a VM with the default network starts" test "$rc" -eq 0
run "$FCVM" inspect "$web"
check "which is rootless" test "$(jq -r '.[0].HostConfig.NetworkMode' <<<"$out")" = net.rootless
check "what is open is shown" test "$(jq -c '.[0].NetworkSettings.Open' <<<"$out")" = '["host-loopback=9001,9003/tcp"]'
check "its address is 10.0.2.100" test "$(jq -r '.[0].NetworkSettings.IPAddress' <<<"$out")" = 10.0.2.100
check "and fd00::100" test "$(jq -r '.[0].NetworkSettings.GlobalIPv6Address' <<<"$out")" = fd00::100
own=$(host_address "$web")

open_shell "$web"
check "the guest reaches another host by TCP" test "$(guest net_peer ask tcp 192.0.2.1 9000 out)" = out
check "by UDP" test "$(guest net_peer ask udp 192.0.2.1 9000 out)" = out
check "by TCP over IPv6" test "$(guest net_peer ask tcp 2001:db8:9::1 9000 out)" = out
check "by UDP over IPv6" test "$(guest net_peer ask udp 2001:db8:9::1 9000 out)" = out
check "the host's loopback by TCP" test "$(guest net_peer ask tcp 10.0.2.2 9001 in)" = in
check "by UDP" test "$(guest net_peer ask udp 10.0.2.2 9001 in)" = in
names=$(guest nslookup outside.example)
check "the host's own address is closed" test -z "$(guest 'timeout 10 net_peer ask tcp 192.0.2.2 9001 in 2>/dev/null')"
check "names are resolved by the host's resolver" contains "$names" 192.0.2.1
check "to IPv6 as well" contains "$names" 2001:db8:9::1
check "short ones by its search domain" contains "$(guest 'grep search /etc/resolv.conf')" example
check "and by the resolver of the container's libc" contains "$(guest 'wget -T 5 -O- http://outside.example:9000/ 2>&1')" 192.0.2.1

check "TCP arrives at a published port" test "$(ask tcp "$own" 7000 hello)" = hello
check "UDP does" test "$(ask udp "$own" 7010 hello)" = hello
check "TCP to IPv6" test "$(ask tcp ::1 7030 six)" = six
check "100 MB come out whole" test "$(timeout 200 "$peer" fetch 127.0.0.1 7040 | sha256sum | cut -d ' ' -f 1)" = "$big_sum"
head -c 104857600 /dev/zero | tr '\0' f >"$scratch/big"
"$peer" send 9003 "$scratch/big" &
sender=$!
check "and go in whole" contains "$(guest 'net_peer fetch 10.0.2.2 9003 | sha256sum')" "$big_sum"
kill $sender

start_vm "$other" --network rootless -p 7000:7000 --mac 52:54:00:12:34:56
check "another VM publishes the same port" test "$rc" -eq 0
check "and answers on its own address" test "$(ask tcp "$(host_address "$other")" 7000 other)" = other
check "the first still does on its" test "$(ask tcp "$own" 7000 first)" = first
close_shell
open_shell "$other"
check "a MAC can be chosen" contains "$(guest cat /sys/class/net/eth0/address)" 52:54:00:12:34:56
check "the host's loopback is closed unless it was opened" test -z "$(guest 'timeout 10 net_peer ask tcp 10.0.2.2 9001 in 2>/dev/null')"
check "which still reaches other hosts" test "$(guest net_peer ask tcp 192.0.2.1 9000 out)" = out
close_shell

run "$FCVM" port add "$other" 7050:7000
check "ports are added while it runs" test "$(ask tcp "$(host_address "$other")" 7050 more)" = more
run "$FCVM" port rm "$other" 7050:7000
run ask tcp "$(host_address "$other")" 7050 gone
check "and removed" test "$rc" -ne 0
run vm --rm -p 127.0.0.1:7040:80 fcvm/hello
check "a port that is taken fails" contains "$err" 7040

# pasta of the other VM dies: it is said, and the VM goes on.
# Its program may be named after the instructions that it is built for: passt.avx2.
pasta=$(pgrep -P "$(supervisor_of "$other")" '^(pasta|passt)')
check "pasta belongs to the supervisor" test -n "$pasta"
[ -z "$pasta" ] || kill -9 $pasta
broken() { [ -n "$("$FCVM" inspect --format '{{.NetworkSettings.Error}}' "$1")" ]; }
check "pasta's end is noticed" wait_for 20 broken "$other"
check "and named" contains "$("$FCVM" inspect --format '{{.NetworkSettings.Error}}' "$other")" pasta
check "ls shows it" contains "$("$FCVM" ls --filter name="$other")" "network broken"
check "the VM goes on" running "$other"

supervisor=$(supervisor_of "$web")
helpers=$(pgrep -P "$supervisor")
kill -9 "$supervisor"
all_gone() { for one in $helpers; do gone "$one" || return 1; done; }
check "a killed supervisor takes its helpers along" wait_for 20 all_gone
run ask tcp "$own" 7000 gone
check "and its ports" test "$rc" -ne 0
"$FCVM" rm -f "$web" "$other" >/dev/null
check "nothing is left" nothing_left "$web" "$other"
finish
