# `fcvm exec web true` beside `podman exec web true` on the host, in turns: medians and the sum of 50
# runs, as JSON lines. As root; needs jq, podman and a guest in FCVM_DATA_DIR. FCVM_BUILD names the build
# tree, which should be a release one.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
runs=${1:-50}
fcvm=$FCVM_BUILD/bin/fcvm
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
export FCVM_RUN_NETWORK=none FCVM_PATHS_RUNTIME_DIR=$scratch/run
# A storage of its own, without mounts that a killed bench would leave.
podman() {
  command podman --root "$scratch/podman" --runroot "$scratch/podman-run" --storage-driver vfs \
    --tmpdir "$scratch/podman-tmp" --cgroup-manager cgroupfs "$@"
}
cleanup() {
  "$fcvm" rm -f web >/dev/null 2>&1 || true
  podman rm -f -t 0 web >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap cleanup EXIT
"$fcvm" run -d --name web --cpus 1 --memory 512M fcvm/hello sleep 100000 >/dev/null
podman load -q -i "$FCVM_DATA_DIR/guests/current/hello.tar" >/dev/null
podman run -d --name web --network none --cgroups disabled localhost/fcvm/hello sleep 100000 >/dev/null
once() {
  local began
  began=$(date +%s%N)
  "$@" exec web true
  echo $((($(date +%s%N) - began) / 1000)) >>"$scratch/${1##*/}.times"
}
for _ in $(seq "$runs"); do
  once "$fcvm"
  once podman
done
for of in fcvm podman; do
  jq -sc --arg of "$of" 'sort | {bench: ($of + " exec true"), runs: length,
    median_ms: (.[length / 2 | floor] / 1000), worst_ms: (.[-1] / 1000), all_s: (add / 1000000)}' "$scratch/$of.times"
done
