# Assertions for the shell tests. A test sources this, calls `check` per case and ends with `finish`.
set -u
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_SOURCE:?set FCVM_SOURCE to the checkout}"
FCVM="$FCVM_BUILD/bin/fcvm"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fcvm-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# No test may see the invoking user's configuration. [a-z] holds every letter in this locale, and an
# ordinary user of Debian has no sbin.
umask 022
export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"
export HOME="$scratch/home" XDG_CONFIG_HOME="$scratch/xdg" FCVM_CONFIG_ROOT="$scratch/root"
mkdir -p "$HOME" "$XDG_CONFIG_HOME" "$FCVM_CONFIG_ROOT"
passed=0 failed=0

# run COMMAND...: leaves $out, $err and $rc.
run() {
  "$@" >"$scratch/out" 2>"$scratch/err"
  rc=$?
  out=$(cat "$scratch/out") err=$(cat "$scratch/err")
}
# check "what should hold" COMMAND...: counts it, and shows the last run when it does not hold.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  check: %s\n  rc=%s\n  stdout: %s\n  stderr: %s\n' \
      "$what" "$*" "${rc-}" "${out-}" "${err-}" >&2
  fi
}
contains() { case $1 in *"$2"*) return 0 ;; *) return 1 ;; esac; }
finish() {
  printf '%s: %d passed, %d failed\n' "${0##*/}" "$passed" "$failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}
