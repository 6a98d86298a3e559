# fcvm ls with many recorded VMs, 1,000 unless an argument says how many: a JSON line for each way of asking.
set -eu
. "$(dirname "$0")/measure.sh"
count=${1:-1000}
"$FCVM_BUILD/tests/record_maker" "$FCVM_DATA_DIR" "$FCVM_PATHS_RUNTIME_DIR" "$count"
for words in "ls" "ls -a" "ls -aq"; do
  # shellcheck disable=SC2086
  measure "fcvm $words, $count VMs" $words
done
