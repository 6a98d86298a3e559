# A guest in a network that it was not started in, as a clone's is: its tap is moved into a fresh
# attachment that was made with the guest's addresses and MAC, while it runs and is told nothing.
. "$(dirname "$0")/network_world.sh"
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/network.sh"
make_network_image
trap 'end_world; rm -rf "$scratch"' EXIT
make_world
export FCVM_TEST_LEASES=$scratch/leases
export FCVM_PLUGIN_NET_BRIDGED_LEASE_DIRECTORY=$FCVM_TEST_LEASES FCVM_PLUGIN_NET_ROUTED_LEASE_DIRECTORY=$FCVM_TEST_LEASES

# attach_afresh BACKEND NAME: sets `fresh`, the namespace, `tap` and `fresh_address`.
attach_afresh() {
  local settings
  settings=$("$FCVM" inspect "$2" | jq '.[0].NetworkSettings')
  mkfifo "$scratch/hold.$1"
  env FCVM_TEST_INSIDE=1 FCVM_TEST_BACKEND="$1" FCVM_TEST_MTU="$(guest cat /sys/class/net/eth0/mtu)" \
    FCVM_TEST_MAC="$(jq -r .MacAddress <<<"$settings")" \
    FCVM_TEST_IPV4="$(jq -r '.Addresses[] | select(contains(":") | not)' <<<"$settings")" \
    FCVM_TEST_IPV6="$(jq -r '.Addresses[] | select(contains(":"))' <<<"$settings")" \
    "$FCVM_BUILD/tests/contract_net" "an attachment to try by hand" \
    <"$scratch/hold.$1" >"$scratch/fresh.$1" 2>&1 &
  attachment=$!
  exec {hold}>"$scratch/hold.$1"
  wait_for 60 grep -q '^attached ' "$scratch/fresh.$1" || { cat "$scratch/fresh.$1" >&2; return 1; }
  read -r _ fresh tap fresh_address < <(grep '^attached ' "$scratch/fresh.$1")
}
in_fresh() { nsenter --net="$fresh" -- "$@"; }

# move_tap NAME: out of the VM's namespace, and in place of the tap that the fresh one has.
move_tap() {
  local vmm mac mtu master family address route fdb
  vmm=$(vmm_of "$1")
  read -r mac mtu master < <(in_fresh ip -j link show "$tap" | jq -r '.[0] | "\(.address) \(.mtu) \(.master // "")"')
  in_fresh ip -j address show dev "$tap" | jq -r '.[].addr_info[] | "\(.local)/\(.prefixlen)"' >"$scratch/addresses"
  for family in -4 -6; do
    in_fresh ip "$family" -j route show dev "$tap" | jq -r '.[] | select(.protocol != "kernel") | .dst'
  done >"$scratch/routes"
  fdb=$(in_fresh bridge fdb show dev "$tap" | sed -n 's/^\([^ ]*\) master .* static.*/\1/p')
  in_fresh ip link delete "$tap"
  exec {fresh_fd}<"$fresh"
  nsenter --target "$vmm" --net -- ip link set "$tap" netns "/proc/$$/fd/$fresh_fd" || return
  exec {fresh_fd}<&-
  in_fresh ip link set "$tap" address "$mac" mtu "$mtu" addrgenmode none
  if [ -n "$master" ]; then
    in_fresh ip link set "$tap" master "$master"
    in_fresh bridge fdb replace "$fdb" dev "$tap" master static
  else
    in_fresh sysctl -q -w "net.ipv6.conf.$tap.accept_dad=0" "net.ipv4.conf.$tap.forwarding=1" "net.ipv4.conf.$tap.proxy_arp=1"
  fi
  in_fresh ip link set "$tap" up
  while read -r address; do in_fresh ip address replace "$address" dev "$tap"; done <"$scratch/addresses"
  while read -r route; do in_fresh ip route replace "$route" dev "$tap"; done <"$scratch/routes"
}

# goes_on WHO ADDRESS: what the guest could before it can again.
goes_on() {
  check "$1: TCP leads out" test "$(guest net_peer ask tcp 192.0.2.1 9000 echoed)" = echoed
  check "$1: UDP does" test "$(guest net_peer ask udp 192.0.2.1 9000 echoed)" = echoed
  check "$1: TCP over IPv6 does" test "$(guest net_peer ask tcp 2001:db8:9::1 9000 echoed)" = echoed
  check "$1: names are resolved" contains "$(guest nslookup outside.example)" 192.0.2.1
  check "$1: TCP arrives at a published port" test "$(ask tcp "$2" 7000 in)" = in
  check "$1: UDP does" test "$(ask udp "$2" 7010 in)" = in
}

for backend in rootless bridged routed; do
  vm=$(named "$backend")
  start_vm "$vm" --network "$backend" -p 7000:7000,7010:7000/udp
  check "a $backend VM starts" test "$rc" -eq 0
  own=$(host_address "$vm")
  open_shell "$vm"
  goes_on "$backend, where it started" "$own"
  check "$backend attaches afresh with what the guest has" attach_afresh "$backend" "$vm"
  check "$backend gives it another address outside" test "$fresh_address" != "$own"
  check "its tap moves there" move_tap "$vm"
  goes_on "$backend, elsewhere" "$fresh_address"
  check "$backend: the network it came from leads there no more" test "$(timeout 3 "$peer" ask tcp "$own" 7000 in 2>/dev/null)" != in
  close_shell
  exec {hold}>&-
  wait "$attachment"
  check "$backend detaches it" test $? -eq 0
  "$FCVM" rm -f "$vm" >/dev/null
  check "nothing is left" nothing_left "$vm"
done
no_links() { [ -z "$(ip -o link | grep -v ' lo:\| up0@')" ]; }
check "no link is left" wait_for 20 no_links
check "nor a firewall table" test -z "$(nft list tables 2>/dev/null)"
finish
