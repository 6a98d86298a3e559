#!/bin/bash
# What a distribution splits into packages: each install component by itself, stripped, into a DESTDIR.
. "$(dirname "$0")/../support/assert.sh"
unset FCVM_CONFIG_ROOT FCVM_PLUGIN_PATH

# component NAME ROOT: leaves its files, below the prefix, in $files.
component() {
  run env DESTDIR="$2" cmake --install "$FCVM_BUILD" --prefix /usr --strip --component "$1"
  check "the component $1 installs" [ "$rc" -eq 0 ]
  files=$([ ! -d "$2/usr" ] || (cd "$2/usr" && find . ! -type d -printf '%P\n' | LC_ALL=C sort))
}
# holds NAME FILE...: these files and no others.
holds() {
  local name=$1
  shift
  component "$name" "$scratch/only/$name"
  check "$name holds what it should" [ "$files" = "$(printf '%s\n' "$@" | LC_ALL=C sort)" ]
}

component fcvm "$scratch/only/fcvm"
pages='^share/(man/man[15]/fcvm.*|bash-completion/completions/fcvm|zsh/.*/_fcvm|fish/.*/fcvm[.]fish)$'
check "fcvm has man pages and completions" [ "$(grep -cE "$pages" <<<"$files")" -gt 20 ]
check "fcvm holds what it should besides" \
  [ "$(grep -vE "$pages" <<<"$files")" = "$(printf '%s\n' bin/fcvm share/doc/fcvm/profiles.toml.sample share/fcvm/fcvm.toml)" ]
holds agent libexec/fcvm/fc-agent
holds fusepipe bin/fusepipe
holds net-common libexec/fcvm/fcvm-forward
holds net.rootless lib/fcvm/plugins/net.rootless.so libexec/fcvm/fcvm-net-holder
holds vmm.qemu lib/fcvm/plugins/vmm.qemu.so lib/fcvm/qemu-memory.so
for id in vmm.firecracker image.archive image.btrfs image.overlay memory.file memory.uffd net.bridged net.routed \
  readiness.exec readiness.http readiness.log readiness.vsock; do
  holds $id lib/fcvm/plugins/$id.so
done
component plugin-dev "$scratch/only/plugin-dev"
for file in bin/fcvm-plugin-check include/fcvm/abi.h include/fcvm/sdk/host.hpp share/pkgconfig/fcvm-plugin-api.pc \
  lib/cmake/fcvm-plugin-api/FcvmPlugin.cmake share/doc/fcvm/plugin-api/TUTORIAL.md; do
  check "plugin-dev holds $file" [ -f "$scratch/only/plugin-dev/usr/$file" ]
done
component Unspecified "$scratch/only/Unspecified"
check "every file has a component" [ -z "$files" ]

run env DESTDIR="$scratch/whole" cmake --install "$FCVM_BUILD" --prefix /usr --strip
check "all installs at once" [ "$rc" -eq 0 ]
all=$(cd "$scratch/whole" && find . ! -type d | LC_ALL=C sort)
parts=$(for each in "$scratch"/only/*; do (cd "$each" && find . ! -type d); done | LC_ALL=C sort)
check "which is all the components, without a file twice" [ "$all" = "$parts" ]

# Sanitizers, coverage and -O0 have sizes of their own.
if grep -qx 'CMAKE_BUILD_TYPE:STRING=RelWithDebInfo' "$FCVM_BUILD/CMakeCache.txt"; then
  size=$(stat -c %s "$scratch/only/fcvm/usr/bin/fcvm")
  check "a stripped fcvm is below 8 MiB, not $size" [ "$size" -lt $((8 << 20)) ]
  size=$(du -sb "$scratch/whole" | cut -f1)
  check "the stripped installation is below 24 MiB, not $size" [ "$size" -lt $((24 << 20)) ]
fi

# Packages that are added to each other, in one root.
fcvm="$scratch/root/usr/bin/fcvm"
component fcvm "$scratch/root"
run "$fcvm" plugin ls --json
check "fcvm runs by itself, without a plugin" [ "$rc:$(jq '.plugins | length' <<<"$out")" = 0:0 ]
run "$fcvm" plugin check x.so
check "and says where its checker is" contains "$err" "plugin SDK package"
run "$fcvm" run --dry-run fcvm/hello
check "a run says that a plugin is missing" contains "$err" "there is no VMM to choose from"
for id in vmm.qemu image.archive net.rootless; do
  component $id "$scratch/root"
  run "$fcvm" plugin inspect $id
  check "fcvm finds the plugin of the component $id" [ "$rc" -eq 0 ]
done

# An author needs nothing but the development files.
root="$scratch/only/plugin-dev/usr"
cp -r "$FCVM_SOURCE/tests/consumer/cmake" "$scratch"
run cmake -G Ninja -S "$scratch/cmake" -B "$scratch/cmake/build" "-DCMAKE_PREFIX_PATH=$root"
check "find_package finds the development files" [ "$rc" -eq 0 ]
run cmake --build "$scratch/cmake/build"
check "a plugin builds with them" [ "$rc" -eq 0 ]
run "$root/bin/fcvm-plugin-check" "$scratch/cmake/build/net.consumer.so"
check "and is checked" [ "$rc" -eq 0 ]
component plugin-dev "$scratch/root"
run "$fcvm" plugin check "$scratch/cmake/build/net.consumer.so"
check "by fcvm, too, where both are installed" [ "$rc" -eq 0 ]
finish
