# What is tested, as disks of the machine. Sourced by rig; sets $guest_disk (what `fcvm setup` made)
# and $build_disk (the installed build, the scenarios, and Firecracker when it is wanted).

check_build() {
  local part
  for part in bin/fcvm cmake_install.cmake tests/vmm_driver tests/net/plugins/net.tap.so; do
    [ -f "$rig_build/$part" ] || die "there is no build, with its tests, in $rig_build" \
      "cmake --preset release && cmake --build --preset release"
  done
}

# Its name hashes what is in it; one disk is kept.
pack_guest() {
  local data=${FCVM_DATA_DIR:-$rig_build/tests/vm-data} guest tree
  FCVM_DATA_DIR=$data "$rig_build/bin/fcvm" setup >&2 || die "fcvm setup failed"
  guest=$(readlink "$data/guests/current") || die "fcvm setup made no guest in $data/guests"
  [ -f "$data/guests/$guest/vmlinux" ] || die "the guest $guest has no ELF kernel (vmlinux)" \
    "rm -rf $data/guests, and try again"
  guest_disk=$rig_cache/guest-$guest.ext4
  [ ! -e "$guest_disk" ] || return 0
  say "packing the guest"
  tree=$rig_cache/.guest
  rm -rf "$tree"
  mkdir -p "$tree/$guest"
  cp -l "$data/guests/$guest"/* "$tree/$guest/" 2>/dev/null || cp "$data/guests/$guest"/* "$tree/$guest/"
  ln -s "$guest" "$tree/current"
  rooted bash -ec "$(declare -f disk_from); disk_from '$tree' '$guest_disk.part'"
  rm -rf "$tree"
  mv "$guest_disk.part" "$guest_disk"
  prune guest "$guest_disk"
}

pack_build() {
  local tree=$rig_cache/.build key
  rm -rf "$tree"
  mkdir -p "$tree"
  cmake --install "$rig_build" --prefix "$tree/build" --strip >"$rig_cache/install.log" 2>&1 || {
    tail -n 3 "$rig_cache/install.log" >&2
    die "installing the build failed; $rig_cache/install.log says more" "cmake --build $rig_build"
  }
  cp "$rig_source/tests/vm/rig.d/stage.sh" "$tree/stage.sh"
  chmod 755 "$tree/stage.sh"
  mkdir -p "$tree/tests/vm" "$tree/tests/support" "$tree/tests/plugins" "$tree/bin"
  cp "$rig_build/tests/vmm_driver" "$tree/bin/"
  cp "$rig_build"/tests/net/plugins/net.tap.so "$tree/tests/plugins/"
  cp -r "$rig_source/tests/vm/scenarios" "$rig_source/tests/vm/machine.sh" "$tree/tests/vm/"
  cp "$rig_source"/tests/support/{assert.sh,fake_firecracker/api.json} "$tree/tests/support/"
  [ -z "$firecracker" ] || cp -L "$firecracker" "$tree/bin/firecracker"
  key=$(cd "$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
  build_disk=$rig_cache/build-$key.ext4
  if [ ! -e "$build_disk" ]; then
    rooted bash -ec "$(declare -f disk_from); chown -R 0:0 '$tree'; disk_from '$tree' '$build_disk.part'"
    mv "$build_disk.part" "$build_disk"
    prune build "$build_disk"
  fi
  rm -rf "$tree"
}
