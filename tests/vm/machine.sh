# What the tests of real VMs share; sourced. Works as root and as an ordinary user.
. "$(dirname "${BASH_SOURCE[0]}")/../support/assert.sh"

: "${FCVM_DATA_DIR:=$FCVM_BUILD/tests/vm-data}"
export FCVM_DATA_DIR
# A runtime directory of this test's own, so that tests can run side by side.
export FCVM_PATHS_RUNTIME_DIR=$scratch/run
mark=$(basename "$scratch" | tr -c 'a-zA-Z0-9\n' -)
[ -e "$FCVM_DATA_DIR/guests/current" ] || "$FCVM" setup || exit 1

# Networks have tests of their own; a host where none works would add a warning to every stderr.
export FCVM_RUN_NETWORK=none

# One virtual CPU is the fastest under software emulation.
vm() { "$FCVM" run --cpus 1 --memory 512M "$@"; }
# Names that no other test has.
named() { printf '%s-%s' "$1" "${mark##*-}" | tr 'A-Z' 'a-z'; }
# wait_for SECONDS COMMAND...
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}
running() { [ "$("$FCVM" inspect --format '{{.State.Status}}' "$1" 2>/dev/null)" = running ]; }
supervisor_of() { "$FCVM" inspect "$1" | jq -r '.[0].Fcvm.SupervisorPid'; }
vmm_of() { "$FCVM" inspect "$1" | jq -r '.[0].State.Pid'; }
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= -p "$1" | cut -c1)" = Z ]; }

# nothing_left NAME...: no VM of these names, no socket, no process, no mount of ours.
nothing_left() {
  local name
  for name in "$@"; do
    "$FCVM" inspect "$name" >/dev/null 2>&1 && return 1
  done
  [ -z "$(ls -A "$FCVM_PATHS_RUNTIME_DIR" 2>/dev/null)" ] || return 1
  ! pgrep -f "$FCVM_PATHS_RUNTIME_DIR" >/dev/null || return 1
  ! grep -q "$FCVM_DATA_DIR/vms" /proc/mounts
}
