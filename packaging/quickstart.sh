#!/usr/bin/env bash
# From a fresh Debian 12 to a container in a machine of its own: installs what is needed, builds,
# makes the guest, and runs fcvm/hello. As root, or as a user with sudo. A second run is quick.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

say "1/4 packages"
packaging/install-dependencies.sh build run

say "2/4 building (build/release)"
[ -f build/release/build.ninja ] || cmake --preset release -DFCVM_BUILD_TESTS=OFF
cmake --build --preset release

fcvm=$PWD/build/release/bin/fcvm
# mmdebstrap makes a user's root file system with ids of the user's own.
if [ "$(id -u)" -ne 0 ] && ! grep -q "^$(id -un):" /etc/subuid; then
  first=$(awk -F: '$2 + $3 > end { end = $2 + $3 } END { print end > 100000 ? end : 100000 }' \
    /etc/subuid /etc/subgid)
  range=$first-$((first + 65535))
  sudo usermod --add-subuids "$range" --add-subgids "$range" "$(id -un)"
fi

say "3/4 fcvm setup"
"$fcvm" setup

say "4/4 fcvm run fcvm/hello"
"$fcvm" run --rm fcvm/hello

cat <<END

It works. Next:
  $fcvm --help        all that there is
  $fcvm doctor        what would make it faster here
END
