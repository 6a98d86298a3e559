# The rig's machine: a Debian of the release that this host has, so that what was built here runs
# there, with its cloud kernel. Sourced by rig; sets $debian, a directory with root.ext4, vmlinuz and
# initrd, made once for each list of packages and recipe.

# What the scenarios use, besides the libraries that the build links.
machine_packages=(qemu-system-x86 busybox-static e2fsprogs iproute2 jq kmod mount procps)
machine_log=$rig_cache/debian.log

check_tools() {
  [ "$(uname -m)" = x86_64 ] || die "the rig emulates x86-64 hosts only, to run what is built here"
  local tool
  for tool in mmdebstrap mke2fs cpio flock dpkg-query setpriv qemu-system-x86_64; do
    PATH=$PATH:/usr/sbin:/sbin type -P "$tool" >/dev/null ||
      die "$tool is not installed" "packaging/install-dependencies.sh build run test"
  done
  [ "$(id -u)" -eq 0 ] || type -P fakeroot >/dev/null ||
    die "fakeroot is not installed" "packaging/install-dependencies.sh build run test"
  # Not every QEMU emulates SVM with nested page tables.
  local warned
  warned=$(timeout 60 qemu-system-x86_64 -M q35 -accel tcg -cpu qemu64,+svm,+npt,enforce \
    -nodefaults -display none -S -monitor stdio <<<quit 2>&1) ||
    die "this QEMU cannot emulate a CPU with SVM: $warned" "install QEMU 7.2 or newer"
  export PATH=$PATH:/usr/sbin:/sbin
}

# The packages that own the libraries which the build links; two spellings of a path may be known.
library_packages() {
  local library
  for library in $(ldd "$rig_build/bin/fcvm" "$rig_build"/{lib/fcvm/plugins/*.so,libexec/fcvm/*,tests/vmm_driver} 2>/dev/null |
    sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u); do
    dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "/usr$library" 2>/dev/null ||
      dpkg-query -S "${library#/usr}" 2>/dev/null ||
      die "no package owns $library, which fcvm links" "build against Debian's packages"
  done | sed 's/:.*//' | sort -u
}

# rooted COMMAND...: as root, or as what looks like root, so that the machine's files are root's.
rooted() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else fakeroot -- "$@"; fi
}

# Removes what earlier versions left in the cache: "$1"-* but not $2.
prune() {
  local old
  for old in "$rig_cache/$1"-*; do
    [ "$old" = "$2" ] || [ ! -e "$old" ] || rm -rf "$old"
  done
}

make_debian() {
  local suite libraries packages key made
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-sid}") ||
    die "this host is not a Debian, and the rig's machine has to have its libraries"
  libraries=$(library_packages) || exit 125
  packages=$(printf '%s\n' "${machine_packages[@]}" $libraries | sort -u | paste -sd ,)
  key=$({ echo "$suite $packages"; declare -f build_debian disk_from
    cat "$rig_source"/tests/vm/rig.d/{debian_hook,initrd_init}.sh; } | sha256sum | cut -c1-16)
  debian=$rig_cache/debian-$key
  mkdir -p "$rig_cache"
  exec 8>"$rig_cache/.lock"
  flock 8
  if [ ! -e "$debian/initrd" ]; then
    say "making the machine: Debian $suite, once (the log is $machine_log)"
    # Not with ||, under which the shell does not stop at what fails in it.
    set +e
    build_debian "$suite" "$packages" >"$machine_log" 2>&1
    made=$?
    set -e
    if [ $made -ne 0 ]; then
      tail -n 5 "$machine_log" >&2
      die "making the machine failed; $machine_log says more" \
        "check that this host reaches its Debian mirror (apt update does too)"
    fi
    prune debian "$debian"
  fi
}

build_debian() (
  set -e
  work=$rig_cache/.debian
  trap 'rm -rf "$work"' EXIT
  rm -rf "$work"
  mkdir "$work"
  # A user's mmdebstrap works under other ids, which may not enter the user's directories.
  [ "$(id -u)" -ne 0 ] || export TMPDIR=$work
  mmdebstrap --variant=essential --format=tar --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
    --include="$2" --customize-hook="$(cat "$rig_source/tests/vm/rig.d/debian_hook.sh")" \
    --customize-hook="sync-out /boot-parts '$work'" --customize-hook='rm -rf "$1/boot-parts"' \
    "$1" "$work/root.tar"
  cp "$rig_source/tests/vm/rig.d/initrd_init.sh" "$work/initrd/init"
  chmod 755 "$work/initrd/init"
  mkdir "$work/done" "$work/tree"
  (cd "$work/initrd" && find . | rooted cpio -o --quiet -H newc) >"$work/done/initrd.part"
  mv "$work/vmlinuz" "$work/done/vmlinuz"
  rooted sh -ec "tar -C '$work/tree' -xpf '$work/root.tar' --exclude='./dev/*'
    $(declare -f disk_from)
    disk_from '$work/tree' '$work/done/root.ext4'"
  mv "$work/done/initrd.part" "$work/done/initrd"
  mv "$work/done" "$debian"
)

# disk_from DIRECTORY FILE: a read-only disk of what is in the directory.
disk_from() {
  used=$(du -sk --apparent-size "$1" | cut -f 1)
  files=$(find "$1" | wc -l)
  truncate -s "$((used * 12 / 10 / 1024 + files / 200 + 16))M" "$2"
  mke2fs -q -F -t ext4 -O ^has_journal,^resize_inode,^metadata_csum -m 0 -b 4096 \
    -N "$((files + 64))" -E root_owner=0:0,lazy_itable_init=0 -d "$1" "$2"
}
