#!/busybox sh
# /init of the rig's machine: finds its disks, lays a memory file system over the read-only root,
# and hands over to stage.sh, which comes with the build.
export PATH=/
for applet in mount mkdir insmod switch_root; do /busybox ln -s /busybox "/$applet"; done
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
tries=0
until [ -b /dev/vdd ]; do
  tries=$((tries + 1))
  [ $tries -lt 1000 ] || { echo "rig: the machine's disks did not appear" >/dev/console; exit 1; }
  /busybox usleep 10000
done
mount -t ext4 -o ro,noload /dev/vda /lower
mount -t tmpfs -o mode=0755 tmpfs /ram
mkdir /ram/upper /ram/work
mount -t overlay -o lowerdir=/lower,upperdir=/ram/upper,workdir=/ram/work overlay /root
mkdir -p /root/rig
mount -t ext4 -o ro,noload /dev/vdb /root/rig
mount -o move /dev /root/dev
mount -o move /proc /root/proc
mount -o move /sys /root/sys
exec switch_root /root /rig/stage.sh
