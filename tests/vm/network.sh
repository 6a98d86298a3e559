# What the tests of networks share; sourced after machine.sh.
#
# Its image has net_peer (tests/support/net_peer.cpp) besides what fcvm/hello has. A VM of it is
# spoken to through `fcvm port-forward`, which needs no network in it.
unset FCVM_RUN_NETWORK
peer=$FCVM_BUILD/tests/net_peer
network_image=$FCVM_DATA_DIR/network-test.tar

# A second layer over the image that `fcvm setup` made.
make_network_image() {
  [ "$network_image" -nt "$peer" ] && return
  local work=$scratch/image config layer
  mkdir -p "$work/layer/bin"
  tar -C "$work" -xf "$FCVM_DATA_DIR/guests/current/hello.tar"
  cp "$peer" "$work/layer/bin/net_peer"
  tar -C "$work/layer" --owner=0 --group=0 -cf "$work/layer.tar" bin
  layer=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
  mv "$work/layer.tar" "$work/$layer.tar"
  rm -r "$work/layer"
  config=$(jq -r '.[0].Config' "$work/manifest.json")
  jq -c --arg layer "sha256:$layer" '.rootfs.diff_ids += [$layer]' "$work/$config" >"$work/config.json"
  rm "$work/$config"
  jq -c --arg layer "$layer.tar" '.[0].Layers += [$layer] | .[0].Config = "config.json" |
    .[0].RepoTags = ["localhost/fcvm/network-test:latest"]' "$work/manifest.json" >"$work/manifest.new"
  mv "$work/manifest.new" "$work/manifest.json"
  (cd "$work" && tar -cf "$scratch/network-test.tar" -- *)
  mv "$scratch/network-test.tar" "$network_image"
  rm -rf "$work"
}

# What every VM of these tests runs: echoes on 7000 (everywhere) and on 7001 (its loopback alone),
# a file of 100 MB on 7002, a shell on 7003 (its loopback alone).
network_command='
dd if=/dev/zero bs=1M count=100 2>/dev/null | tr "\0" "f" >/big
net_peer echo 7000 &
net_peer echo 7001 loopback &
net_peer send 7002 /big &
net_peer shell 7003 &
for port in 7000 7001; do
  until [ "$(net_peer ask tcp 127.0.0.1 $port up 2>/dev/null)" = up ]; do sleep 0.1; done
done
echo serving
while :; do sleep 1; done'
big_sum=$(head -c 104857600 /dev/zero | tr '\0' f | sha256sum | cut -d ' ' -f 1)

# start_vm NAME OPTION...: in the background; returns once it serves.
start_vm() {
  local name=$1
  shift
  run vm -d --name "$name" "$@" "docker-archive:$network_image" sh -c "$network_command"
  [ "$rc" -eq 0 ] || return
  wait_for 120 sh -c "'$FCVM' logs '$name' | grep -q serving"
}

# open_shell NAME: until close_shell, `guest` runs commands in the container of that VM.
open_shell() {
  rm -f "$scratch/shell.out"  # or the port of the last one is read from it
  "$FCVM" port-forward "$1" :7003 >"$scratch/shell.out" 2>"$scratch/shell.err" &
  shell_pid=$!
  wait_for 20 grep -q Forwarding "$scratch/shell.out" || return
  shell_port=$(sed -n 's/.*127.0.0.1:\([0-9]*\).*/\1/p' "$scratch/shell.out")
}
guest() { printf '%s\n' "$*" | timeout 200 "$peer" talk 127.0.0.1 "$shell_port"; }
close_shell() {
  kill "$shell_pid" 2>/dev/null
  wait "$shell_pid" 2>/dev/null
}
ask() { timeout 30 "$peer" ask "$@" 2>/dev/null; }
host_address() { "$FCVM" inspect --format '{{.NetworkSettings.HostAddress}}' "$1"; }
