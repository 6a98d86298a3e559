# Which file system a store should have, and how a VM should get it: ext4 and EROFS, as a disk and as
# persistent memory with DAX, read by a bare guest in turns. JSON lines; needs python3, busybox-static, cpio,
# xz-utils, e2fsprogs, erofs-utils, qemu-system-x86_64 and a guest in FCVM_DATA_DIR.
# store_file_system_bench.sh [MEGABYTES [ROUNDS]] (500 and 3 by default). ACCEL=kvm where that works.
set -eu
: "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
guest=$(realpath "$FCVM_DATA_DIR/guests/current")
mkdir -p "$scratch/initrd/bin" "$scratch/initrd/modules" "$scratch/tree/bin"
cd "$scratch/initrd"
mkdir proc sys dev mnt
cp "$(command -v busybox)" bin/
cp bin/busybox ../tree/bin/
ln -s busybox bin/sh

modules=/usr/lib/modules
kernel=$(debugfs -R "ls -p $modules" "$guest/base.ext4" 2>/dev/null | cut -d / -f 6 | grep '^[0-9]')
for module in lib/libcrc32c drivers/block/virtio_blk fs/erofs/erofs drivers/nvdimm/libnvdimm drivers/nvdimm/nd_btt \
  drivers/nvdimm/nd_pmem drivers/nvdimm/nd_virtio drivers/nvdimm/virtio_pmem; do
  debugfs -R "cat $modules/$kernel/kernel/$module.ko.xz" "$guest/base.ext4" 2>/dev/null |
    xz -d >"modules/$(basename $module).ko"
done

cat >init <<'INIT'
#!/bin/sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for m in libcrc32c virtio_blk erofs libnvdimm nd_btt nd_pmem nd_virtio virtio_pmem; do $b insmod /modules/$m.ko; done
for word in $($b cat /proc/cmdline); do
  case $word in bench.*) eval "${word#bench.}" ;; esac
done
milliseconds() { $b awk '{ print int($1 * 1000) }' /proc/uptime; }
available() { $b awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; }
until [ -b "$device" ]; do $b sleep 0.1; done
set -e
before=$(available)
began=$(milliseconds)
$b mount -t "$type" -o "ro$options" "$device" /mnt
mounted=$(milliseconds)
/mnt/bin/busybox true
ran=$(milliseconds)
$b cat /mnt/data/*/*/* >/dev/null
read_once=$(milliseconds)
$b cat /mnt/data/*/*/* >/dev/null
read_twice=$(milliseconds)
echo "\"mount_ms\":$((mounted - began)),\"first_program_ms\":$((ran - mounted)),\"read_all_ms\":$((read_once - ran)),\
\"read_again_ms\":$((read_twice - read_once)),\"guest_available_mb\":$before,\"guest_available_after_mb\":$(available)"
while :; do $b sleep 1000; done
INIT
chmod +x init
find . | cpio --quiet -o -H newc | gzip -1 >../initrd.gz

cd "$scratch"
python3 - "${1:-500}" <<'PYTHON'
import os, random, sys
megabytes = int(sys.argv[1])
some = random.Random(megabytes)
for size, total in ((8 << 10, megabytes << 19), (4 << 20, megabytes << 19)):
    for number in range(total // size):
        directory = f"tree/data/{size}/{number // 256}"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/{number}", "wb") as file:
            file.write(some.randbytes(size))
PYTHON
mkfs.erofs --quiet store.erofs tree >/dev/null
truncate -s $((${1:-500} * 5 / 4 + 64))M store.ext4
mke2fs -q -F -t ext4 -b 4096 -O ^has_journal -m 0 -d tree store.ext4
resize2fs -M store.ext4 >/dev/null 2>&1
rm -r tree
# Persistent memory comes in such pieces.
truncate -s %128M store.ext4 store.erofs

once() {
  local type=$1 how=$2 memory=1G device=/dev/vda options='' disk vmm
  disk="-drive if=virtio,format=raw,readonly=on,file.locking=off,file=store.$type"
  if [ "$how" = dax ]; then
    memory=1G,slots=1,maxmem=8G device=/dev/pmem0 options=,dax
    disk="-object memory-backend-file,id=store,mem-path=store.$type,share=on,readonly=on,size=$(stat -c %s "store.$type")"
    disk="$disk -device virtio-pmem-pci,memdev=store"
  fi
  : >console
  # shellcheck disable=SC2086 # words
  qemu-system-x86_64 -machine q35 -accel "${ACCEL:-tcg}" -cpu max -m "$memory" -nodefaults -display none -no-reboot \
    -kernel "$guest/vmlinuz" -initrd initrd.gz -serial file:console $disk \
    -append "quiet panic=-1 console=ttyS0 bench.type=$type bench.device=$device bench.options=$options" </dev/null &
  vmm=$!
  until grep -q guest_available_after_mb console; do
    kill -0 $vmm 2>/dev/null || { echo "the guest has ended: $(tail -n 3 console)" >&2; exit 1; }
    sleep 0.2
  done
  awk -v what="$type, $how" -v figures="$(grep guest_available_after_mb console | tr -d '\r')" '/^Pss:/ {
    printf "{\"bench\":\"a store: %s\",%s,\"vmm_pss_mb\":%d}\n", what, figures, $2 / 1024 }' /proc/$vmm/smaps_rollup
  kill -KILL $vmm
  wait $vmm 2>/dev/null || true
}
for _ in $(seq "${2:-3}"); do
  for type in ext4 erofs; do
    once $type disk
    once $type dax
  done
done
