# mmdebstrap's last hook: puts the suite's cloud kernel into the machine ($1) and, in $1/boot-parts,
# what boots it: vmlinuz and the files of its initrd. The package is unpacked, not installed: it
# would make an initrd of its own, which takes longer than all else.
set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
mkdir "$1/boot-parts" "$1/unpacked"
cd "$1/unpacked"
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
test -n "$package" || { echo "E: the suite has no linux-image-cloud-amd64" >&2; exit 1; }
apt-get -q -o APT::Sandbox::User=root download "$package"
dpkg-deb -x linux-image-*.deb .
test -d usr/lib/modules || { mkdir -p usr/lib; mv lib/modules usr/lib/; }
version=$(ls usr/lib/modules)
mkdir -p "$1/usr/lib/modules"
mv "usr/lib/modules/$version" "$1/usr/lib/modules/"
mv boot/vmlinuz-* "$1/boot-parts/vmlinuz"
cd "$1"
rm -rf unpacked
chroot . depmod "$version"

mkdir -p boot-parts/initrd/modules boot-parts/initrd/dev boot-parts/initrd/proc \
  boot-parts/initrd/sys boot-parts/initrd/ram boot-parts/initrd/lower boot-parts/initrd/root
cp bin/busybox boot-parts/initrd/busybox
# As insmod wants them: what one depends on comes before it.
for module in virtio_pci virtio_blk virtio_console overlay; do
  chroot . modprobe -S "$version" --show-depends "$module" | sed -n 's/^insmod //p'
done | while read -r file; do
  name=${file##*/}
  test -e "boot-parts/initrd/modules/$name" && continue
  cp "./$file" "boot-parts/initrd/modules/$name"
  echo "$name" >>boot-parts/initrd/modules/order
done
rm -rf var/lib/apt/lists/* var/cache/apt/* var/log/* etc/hostname etc/resolv.conf
