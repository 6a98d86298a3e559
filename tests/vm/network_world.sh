# A world of its own for tests of real networks; sourced first, as root. The test is run again in
# network, mount and pid namespaces that it makes, so that the machine's own network is never touched
# and nothing outlives the test:
#
#   here                                  outside: "another host"
#   lo, up0 192.0.2.2, 2001:db8:9::2  --  up0 192.0.2.1, 2001:db8:9::1: the gateway
#   a resolver on 127.0.0.1               echoes on port 9000, TCP and UDP, of both families
#   echoes on 127.0.0.1:9001
#
# The resolver knows outside.example and here.example, and the search domain is `example`.
if [ -z "${FCVM_TEST_WORLD-}" ]; then
  [ "$(id -u)" -eq 0 ] || { echo "this test has to be run as root, to make namespaces" >&2; exit 1; }
  FCVM_TEST_WORLD=1 exec unshare --net --mount --pid --mount-proc --propagation private \
    --kill-child=KILL --fork bash "$0" "$@"
fi

world_pids=()
end_world() {
  [ ${#world_pids[@]} -eq 0 ] || kill -9 "${world_pids[@]}" 2>/dev/null
  world_pids=()
}
outside() { nsenter --target "$outside_pid" --net -- "$@"; }

make_world() {
  unshare --net sleep infinity &
  outside_pid=$!
  world_pids+=("$outside_pid")
  until [ "$(readlink "/proc/$outside_pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
  ip link set lo up
  outside ip link set lo up
  ip link add up0 type veth peer name up0 netns "$outside_pid"
  sysctl -q -w net.ipv6.conf.up0.accept_dad=0
  outside sysctl -q -w net.ipv6.conf.up0.accept_dad=0
  ip address add 192.0.2.2/24 dev up0
  ip -6 address add 2001:db8:9::2/64 dev up0 nodad
  outside ip address add 192.0.2.1/24 dev up0
  outside ip -6 address add 2001:db8:9::1/64 dev up0 nodad
  ip link set up0 up
  outside ip link set up0 up
  ip route add default via 192.0.2.1
  ip -6 route add default via 2001:db8:9::1
  serve_world
  # Where devices are kept from ordinary users, this world lets them have a tap.
  [ -e /dev/net/tun ] || return 0
  mknod -m 666 "$scratch/tun" c 10 200
  mount --bind "$scratch/tun" /dev/net/tun
}
serve_world() {
  outside "$peer" echo 9000 &
  world_pids+=($!)
  "$peer" echo 9001 loopback &
  world_pids+=($!)
  printf 'nameserver 127.0.0.1\nsearch example\n' >"$scratch/resolv.conf"
  mount --bind "$scratch/resolv.conf" /etc/resolv.conf
  dnsmasq --no-daemon --no-resolv --no-hosts --listen-address=127.0.0.1 --bind-interfaces \
    --address=/outside.example/192.0.2.1 --address=/outside.example/2001:db8:9::1 \
    --address=/here.example/192.0.2.2 --pid-file= --user=root 2>"$scratch/dnsmasq.log" &
  world_pids+=($!)
}

# as_user SCRIPT: with a build and guests of that user's own.
as_user() {
  local user=fcvmnet$$ home
  useradd -m "$user"
  home=$(getent passwd "$user" | cut -d : -f 6)
  mkdir -p "$home/build/lib" "$home/build/tests" "$home/source/tests" "$home/data" "$home/tmp"
  cp -r "$FCVM_BUILD/bin" "$FCVM_BUILD/libexec" "$home/build/"
  cp -r "$FCVM_BUILD/lib/fcvm" "$home/build/lib/"
  cp "$peer" "$home/build/tests/"
  cp -r "$FCVM_SOURCE/tests/vm" "$FCVM_SOURCE/tests/support" "$home/source/tests/"
  cp -a --sparse=always "$FCVM_BUILD/tests/vm-data/guests" "$home/data/"
  cp "$network_image" "$home/data/"
  chown -R "$user:" "$home"
  runuser -u "$user" -- env -C / -u XDG_RUNTIME_DIR HOME="$home" TMPDIR="$home/tmp" \
    FCVM_BUILD="$home/build" FCVM_SOURCE="$home/source" FCVM_DATA_DIR="$home/data" \
    bash "$home/source/tests/vm/$1"
  local code=$?
  left_by_user=$(ps -u "$user" -o stat=,args= | grep -v '^Z')
  [ -z "$left_by_user" ] || pkill -KILL -u "$user"
  userdel -rf "$user" >/dev/null 2>&1
  return $code
}
