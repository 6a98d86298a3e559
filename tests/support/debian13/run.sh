#!/usr/bin/env bash
# run.sh matrix|compile, called by tests/run.sh: the checkout in a Debian 13 of its own.
#   matrix    the tiers that need no guest, with gcc and with clang, there and on this machine
#   compile   only compiles it there with gcc, without the tests, for CI
# Keeps the Debian 13 and what ccache knows in a directory of its own, so the second time is fast; as
# root, from Debian's mirror or $FCVM_TEST_MIRROR.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/support/debian13
suite=trixie
# Beside the groups that a tier needs: what enters the Debian 13 and makes the second time fast.
always=mount,ccache
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/fcvm-tests
light=(unit contract cli consumer)

fail() {
  printf 'tests/run.sh: %s\n  to fix: %s\n' "$1" "$2" >&2
  exit 125
}

# make_root NAME GROUP...: leaves in $root a Debian 13 with these groups of packages. Its name has the
# list in it, so another list makes another one; the one before is removed.
make_root() {
  local name=$1 key
  shift
  key=$({ echo "$suite $always $*"; cat packaging/install-dependencies.sh; } | sha256sum | cut -c1-16)
  root=$cache/$name-$key
  [ ! -d "$root" ] || return 0
  rm -rf --one-file-system "$cache/$name"-*
  echo "making a Debian 13 in $root; its log is $cache/make.log"
  mmdebstrap --mode=root --variant=apt --include=$always \
    --customize-hook='mkdir "$1/src" "$1/ccache"' \
    --customize-hook='copy-in packaging/install-dependencies.sh /src' \
    --customize-hook="chroot \"\$1\" /src/install-dependencies.sh $*" \
    "$suite" "$root.new" ${FCVM_TEST_MIRROR:+"$FCVM_TEST_MIRROR"} >"$cache/make.log" 2>&1 || {
    tail -n 30 "$cache/make.log" >&2
    fail "mmdebstrap cannot make a Debian 13 in $root; the end of $cache/make.log is above" \
      "see whether Debian's mirror is in reach (apt-get update asks it too; FCVM_TEST_MIRROR=URL names another) and 3 GiB are free (df -h $cache)"
  }
  mv "$root.new" "$root"
}

# What git knows, as it is in the work tree; a machine of CI may have no git, but it has nothing else.
files_of_checkout() {
  git ls-files -z 2>/dev/null || find . \( -path ./build -o -path ./.git \) -prune -o ! -type d -print0
}

# in_debian13 COMMAND...: in namespaces of its own, so nothing is left however it ends.
in_debian13() {
  rm -rf --one-file-system "$cache/source"
  mkdir -p "$cache/source" "$cache/ccache"
  files_of_checkout | tar --null --files-from=- --ignore-failed-read -cf - | tar -C "$cache/source" -xf - || return
  setpriv --pdeathsig KILL \
    unshare --mount --pid --net --ipc --uts --fork --kill-child \
    bash "$here/enter.sh" "$root" "$cache/source" "$cache/ccache" "$@"
}

inside=(bash tests/support/debian13/inside.sh)
outcomes=() failed=0
# part WHAT COMMAND...: one of the matrix; the others run even when it fails.
part() {
  local what=$1
  shift
  echo "=== $what"
  if "$@"; then
    outcomes+=("passed  $what")
  else
    outcomes+=("FAILED  $what")
    failed=1
  fi
}

[ "$(id -u)" -eq 0 ] || fail "making a Debian 13 needs root" "sudo tests/run.sh debian13"
packaging/install-dependencies.sh run
mkdir -p "$cache"
exec {lock}>"$cache/lock"
flock -n "$lock" || { echo "waiting for another run, which uses $cache"; flock "$lock"; }
trap 'rm -rf --one-file-system "$cache/source" "$cache"/*.new' EXIT

case $1 in
  compile)
    make_root debian13-compile build
    in_debian13 "${inside[@]}" compile
    ;;
  matrix)
    make_root debian13 build run test
    for preset in release release-clang; do
      part "Debian 13, $preset" in_debian13 "${inside[@]}" "$preset" "${light[@]}"
      part "this machine, $preset" env "PRESET=$preset" tests/run.sh "${light[@]}"
    done
    printf '%s\n' "${outcomes[@]}"
    exit $failed
    ;;
esac
