# Supervisors without a VM, for tests of the verbs. Leaves the place where their records are in the
# environment, and $pids, which the test's clean-up has to end.
export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"
pids=()

# start NAME WORD...: leaves $id and $pid once it runs; see fake_supervisor.cpp for the words.
start() {
  : >"$scratch/id"
  "$FCVM_BUILD/tests/fake_supervisor" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" "$@" >"$scratch/id" &
  pid=$!
  disown "$pid"
  pids+=("$pid")
  until [ -s "$scratch/id" ]; do
    kill -0 "$pid" 2>/dev/null || { echo "${0##*/}: there is no supervisor to test against" >&2; exit 1; }
    sleep 0.02
  done
  id=$(cat "$scratch/id")
}
