# Output is exact: every byte, in order, whatever the reader does.
. "$(dirname "$0")/machine.sh"

vm --rm fcvm/hello sh -c \
  'head -c 104857600 /dev/urandom | tee /dev/stderr | sha256sum | cut -c1-64 >/tmp/sum; cat /tmp/sum' \
  >"$scratch/sum" 2>"$scratch/bytes"
rc=$? out=$(cat "$scratch/sum") err=
check "100 MB come out" test "$(stat -c %s "$scratch/bytes")" -eq 104857600
check "unchanged" test "$(sha256sum <"$scratch/bytes" | cut -c1-64)" = "$out"
rm "$scratch/bytes"

# A reader that stalls for 30 s, then reads on.
vm --rm fcvm/hello sh -c 'head -c 20000000 /dev/zero | tr "\0" x' |
  { sleep 30; wc -c; } >"$scratch/count"
check "a reader that stalls loses nothing" test "$(cat "$scratch/count")" -eq 20000000

SECONDS=0
first=$(timeout 60 "$FCVM" run --rm --cpus 1 fcvm/hello sh -c 'while :; do echo line; done' | head -1)
check "| head -1 gets its line" test "$first" = line
check "and ends soon" test $SECONDS -le 40
check "nothing is left" nothing_left
finish
