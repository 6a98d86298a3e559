# The networks `bridged` and `routed` with real guests, in a world of their own.
. "$(dirname "$0")/network_world.sh"
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/network.sh"
make_network_image
trap 'end_world; rm -rf "$scratch"' EXIT
make_world
export FCVM_PLUGIN_NET_BRIDGED_LEASE_DIRECTORY=$scratch/leases FCVM_PLUGIN_NET_ROUTED_LEASE_DIRECTORY=$scratch/leases

# reaches_out: what every network does for its guest.
reaches_out() {
  check "$1 reaches another host by TCP" test "$(guest net_peer ask tcp 192.0.2.1 9000 out)" = out
  check "$1 does by UDP" test "$(guest net_peer ask udp 192.0.2.1 9000 out)" = out
  check "$1 does by TCP over IPv6" test "$(guest net_peer ask tcp 2001:db8:9::1 9000 out)" = out
  check "$1 does by UDP over IPv6" test "$(guest net_peer ask udp 2001:db8:9::1 9000 out)" = out
  check "$1 resolves names" contains "$(guest nslookup outside.example)" 192.0.2.1
  check "$1 reaches the host's loopback" test "$(guest 'net_peer ask tcp $(grep host.containers.internal /etc/hosts | cut -f 1) 9001 in')" = in
}
no_tables() { [ -z "$(nft list tables 2>/dev/null)" ]; }

one=$(named one) two=$(named two) way=$(named way)
start_vm "$one" --network bridged --host-loopback -p 7000:7000,7010:7000/udp -p 192.0.2.2:7040:7002
check "a bridged VM starts" test "$rc" -eq 0
start_vm "$two" --network bridged -p 7000:7000
check "and another that publishes the same port" test "$rc" -eq 0
own=$(host_address "$one") theirs=$(host_address "$two")
check "each on its own address" test "$own" != "$theirs"
check "TCP arrives at the first" test "$(ask tcp "$own" 7000 one)" = one
check "and at the second" test "$(ask tcp "$theirs" 7000 two)" = two
check "UDP arrives" test "$(ask udp "$own" 7010 one)" = one
check "another host reaches a port on the host's address" test "$(outside timeout 120 "$peer" fetch 192.0.2.2 7040 | sha256sum | cut -d ' ' -f 1)" = "$big_sum"
open_shell "$one"
reaches_out "a bridged VM"
check "one VM does not reach another" test -z "$(guest "timeout 5 net_peer ask tcp $theirs 7000 in 2>/dev/null")"
close_shell
run "$FCVM" port add "$one" 7050:7000
check "ports are added" test "$(ask tcp "$own" 7050 more)" = more
run "$FCVM" port rm "$one" 7050:7000
run ask tcp "$own" 7050 gone
check "and removed" test "$rc" -ne 0
supervisor=$(supervisor_of "$one")
kill -9 "$supervisor"
wait_for 20 gone "$supervisor"
run "$FCVM" rm -f "$one" "$two"
"$FCVM" gc >/dev/null
check "a killed VM leaves no table" no_tables
check "and no link" test -z "$(ip -o link | grep -v ' lo:\| up0@')"

start_vm "$way" --network routed --host-loopback -p 7000:7000
check "a routed VM starts" test "$rc" -eq 0
address=$("$FCVM" inspect --format '{{.NetworkSettings.GlobalIPv6Address}}' "$way")
check "with an address of the host's /64" contains "$address" 2001:db8:9:
check "another host reaches it there" test "$(outside timeout 30 "$peer" ask tcp "$address" 7000 way)" = way
check "its published port is reached" test "$(ask tcp "$(host_address "$way")" 7000 way)" = way
open_shell "$way"
reaches_out "a routed VM"
close_shell
"$FCVM" rm -f "$way" >/dev/null
check "a routed VM leaves no table" no_tables
check "no route" test -z "$(ip -6 route | grep -F "${address:-none}")"
check "no proxy entry" test -z "$(ip -6 neigh show proxy)"

run vm --rm --network routed --ipv6-prefix 2001:db8:77::/64 fcvm/hello ip -6 address
check "a prefix can be given" contains "$out" 2001:db8:77:
check "nothing is left" nothing_left "$one" "$two" "$way"
finish
