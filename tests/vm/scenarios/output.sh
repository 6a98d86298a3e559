# scenario: megabytes on both streams at once arrive whole and unchanged
. "$(dirname "$0")/../machine.sh"

megabytes=6
vm --rm fcvm/hello sh -c "
  head -c $((megabytes << 20)) /dev/urandom >/tmp/a
  head -c $((megabytes << 20)) /dev/urandom >/tmp/b
  cat /tmp/b >&2 & cat /tmp/a; wait
  sha256sum /tmp/a /tmp/b | cut -c1-64 >&2" >"$scratch/a" 2>"$scratch/b"
rc=$? out= err=$(tail -c 130 "$scratch/b")
head -c $((megabytes << 20)) "$scratch/b" >"$scratch/b.bytes"
check "the container ends well" test "$rc" -eq 0
check "stdout has every byte" test "$(stat -c %s "$scratch/a")" -eq $((megabytes << 20))
check "unchanged" test "$(sha256sum <"$scratch/a" | cut -c1-64)" = "$(head -n 1 <<<"$err")"
check "so has stderr" test "$(sha256sum <"$scratch/b.bytes" | cut -c1-64)" = "$(tail -n 1 <<<"$err")"
check "nothing is left" nothing_left
finish
