# Cold start against a bare QEMU with the same kernel, initrd and disks, in turns; and what a running
# VM costs its host. JSON lines; needs jq, python3, qemu-system-x86_64 and a guest in FCVM_DATA_DIR.
# Under software emulation. FCVM_BUILD names the build tree, which should be a release one.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
runs=${1:-5}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
fcvm=$FCVM_BUILD/bin/fcvm guest=$FCVM_DATA_DIR/guests/current
now() { date +%s%N; }

# Until the agent says its first byte: by then nothing has happened that a bare QEMU cannot do.
bare() {
  local qemu began
  truncate -s 10G "$scratch/disk"
  began=$(now)
  qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
    -machine q35,usb=off,vmport=off,smbus=off,sata=off,graphics=off,smm=off,hpet=off,memory-backend=ram \
    -accel tcg,thread=multi -cpu max,-la57 -smp 1 -m 512 \
    -object memory-backend-memfd,share=on,id=ram,size=512M \
    -kernel "$guest/vmlinuz" -initrd "$guest/initrd" \
    -append 'quiet panic=-1 console=ttyS0 reboot=t i8042.noaux i8042.nokbd cryptomgr.notests' \
    -serial "file:$scratch/console" -device virtio-serial-pci \
    -chardev "socket,path=$scratch/mux,server=on,wait=off,id=mux" \
    -device virtserialport,chardev=mux,name=org.fcvm.mux -device virtio-rng-pci \
    -drive "file=$guest/base.ext4,if=virtio,format=raw,readonly=on" \
    -drive "file=$scratch/disk,if=virtio,format=raw" \
    -drive "file=$guest/hello.tar,if=virtio,format=raw,readonly=on" </dev/null &
  qemu=$!
  python3 - "$scratch/mux" <<'PYTHON'
import socket, sys, time
while True:
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        break
    except OSError:
        time.sleep(0.005)
s.recv(1)
PYTHON
  echo $((($(now) - began) / 1000))
  kill -KILL $qemu
  wait $qemu 2>/dev/null || true
  rm -f "$scratch/mux"
}

# The same point in fcvm's life, when the VMM plugin hears of the agent.
with_fcvm() {
  local began ready
  began=$(now)
  "$fcvm" --log-level debug run --rm --cpus 1 --memory 512M fcvm/hello 2>&1 >/dev/null |
    while read -r line; do
      case $line in *"agent is there") now >"$scratch/ready" ;; esac
    done
  ready=$(cat "$scratch/ready")
  echo $(((ready - began) / 1000))
}

for _ in $(seq "$runs"); do
  bare >>"$scratch/bare"
  with_fcvm >>"$scratch/fcvm"
done
jq -nc --slurpfile bare "$scratch/bare" --slurpfile fcvm "$scratch/fcvm" '
  def median: sort | .[length / 2 | floor];
  ($bare | median) as $b | ($fcvm | median) as $f |
  {bench: "start to the agent, bare QEMU and fcvm in turns", runs: ($bare | length),
   bare_ms: ($b / 1000), fcvm_ms: ($f / 1000), ratio: ($f / $b * 1000 | round / 1000)}'

name=bench-$$
"$fcvm" run -d --cpus 1 --memory 512M --name "$name" fcvm/hello sleep 600 >/dev/null
supervisor=$("$fcvm" inspect "$name" | jq '.[0].Fcvm.SupervisorPid')
awk '/^Pss:/ { printf "{\"bench\":\"PSS of a supervisor\",\"mib\":%.1f}\n", $2 / 1024 }' \
  "/proc/$supervisor/smaps_rollup"
"$fcvm" rm -f "$name" >/dev/null
