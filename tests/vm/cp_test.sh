# fcvm cp both ways, in one VM: podman's rules, what is kept, and what is refused.
. "$(dirname "$0")/machine.sh"

web=$(named cp)
run vm -d --name "$web" fcvm/hello sleep 100000
check "the container starts" test "$rc" -eq 0
in_web() { "$FCVM" exec "$web" "$@"; }
cp_ok() {
  run "$FCVM" cp "$@"
  check "cp $*" test "$rc" -eq 0
}
cp_fails() {
  local why=$1
  shift
  run "$FCVM" cp "$@"
  check "cp $* fails" test "$rc" -eq 125
  check "and says: $why" contains "$err" "$why"
}

cd "$scratch" || exit 1
mkdir -p tree/sub/deep tree/closed
printf 'alpha\n' >tree/a
printf 'set' >tree/sub/program
chmod 4751 tree/sub/program
chmod 0500 tree/closed
ln -s ../a tree/sub/link
ln tree/a tree/twin
touch -d '2001-02-03 04:05:06.789' tree/a
truncate -s 30M tree/sparse
printf 'end' >>tree/sparse
printf 'n' >"tree/sub/$(printf 'n%.0s' $(seq 200))"

# A tree there and back.
cp_ok tree "$web:/srv"
run in_web sh -c 'cd /srv && stat -c "%a %u:%g %s" a sub/program closed && readlink sub/link && stat -c %h a && du -k sparse | cut -f 1'
check "its modes, links and owners are there, and its holes are holes" \
  test "$(sed '$d' <<<"$out")" = "$(printf '644 0:0 6\n4751 0:0 3\n500 0:0 4096\n../a\n2')"
check "the sparse file is small" test "$(tail -n 1 <<<"$out")" -lt 100
cp_ok "$web:/srv" back
check "and back they are the same" diff -r --no-dereference tree back
check "with their times" test "$(stat -c %y back/a)" = "$(stat -c %y tree/a)"
check "and holes" test "$(du -k back/sparse | cut -f 1)" -lt 100
check "but no set-id bit comes out of a container" test "$(stat -c %a back/sub/program)" = 751
check "hard links stay links" test back/a -ef back/twin

# Where things go.
cp_ok tree/a "$web:/tmp/"
cp_ok tree/a "$web:/tmp/renamed"
cp_ok tree/sub "$web:/tmp"
cp_ok tree/sub/. "$web:/tmp/contents"
cp_ok tree/a "$web:relative"
run in_web sh -c 'cat /tmp/a /tmp/renamed /relative; ls /tmp/sub /tmp/contents | grep -c program'
check "each where podman would put it" test "$out" = "$(printf 'alpha\nalpha\nalpha\n2')"
cp_ok "$web:/tmp/a" .
check "a file into a directory" test "$(cat a)" = alpha
mkdir into
cp_ok "$web:/tmp/sub/." into
check "contents alone" test -e into/program
run in_web sh -c 'ln -s /tmp/sub /tmp/way; ln -s renamed /tmp/to-file'
cp_ok tree/a "$web:/tmp/way"
cp_ok tree/sub/program "$web:/tmp/to-file"
run in_web cat /tmp/sub/a /tmp/renamed
check "links in the container are followed" test "$out" = "$(printf 'alpha\nset')"
cp_ok --archive=false tree/a "$web:/tmp/owned"
cp_ok --vm "$web:/etc/os-release" guest-release
check "--vm is the guest itself" grep -q Debian guest-release
cp_ok "$web:/srv/sub" "$web:/tmp/across"
run in_web cat /tmp/across/program
check "from container to container" test "$out" = set
cp_fails 'No such file' "$web:/no/such/file" "$web:/tmp"
cp_ok "$web:/proc/version" version
check "and what its kernel says" grep -q '^Linux version' version
cp_fails 'No such file' "$web:/no/such/file" .
cp_fails 'No such file' no-such-file "$web:/tmp"
cp_fails 'does not exist' tree/a "$web:/none/at/all"
cp_fails 'does not exist' tree/a "$web:/tmp/none/"
cp_fails 'not a directory' tree/sub "$web:/tmp/a"
cp_fails '--overwrite' tree "$web:/tmp/a"
cp_ok --overwrite tree/sub "$web:/tmp/a"
run in_web ls /tmp/a
check "--overwrite puts a directory where a file was" contains "$out" program
cp_fails 'has to be in a VM' a b
cp_fails 'no-such-vm' a no-such-vm:/tmp

# Streams.
tar -C tree -cf - a sub | "$FCVM" cp - "$web:/root"
check "a tar archive from stdin" test "${PIPESTATUS[1]}" -eq 0
run in_web cat /root/a
check "is unpacked" test "$out" = alpha
check "one to stdout is one" test "$("$FCVM" cp "$web:/root/sub" - | tar -tf - | grep -c program)" -eq 1
run bash -c "gzip -c tree/a | '$FCVM' cp - '$web:/root'"
check "a compressed one is refused" test "$rc" -eq 125
check "by its name" contains "$err" gzip
run bash -c "tar -C tree -cf - a | head -c 700 | '$FCVM' cp - '$web:/root'"
check "one that is cut is an error" test "$rc" -eq 125

# 64 MiB, byte by byte.
head -c 67108864 /dev/urandom >large
cp_ok large "$web:/large"
cp_ok "$web:/large" large.back
check "large files are exact" cmp large large.back

# The container is hostile.
mkdir victim
ln -s "$scratch" victim/way
run in_web sh -c 'mkdir -p /evil/way && echo bad >/evil/way/planted'
cp_fails 'is not a directory' "$web:/evil/." victim
cp_ok --overwrite "$web:/evil/." victim
check "nothing goes through a link on the host" test ! -e planted
check "which is replaced when asked to" test "$(cat victim/way/planted)" = bad
run in_web sh -c 'mknod /evil-device c 1 3 2>&1 || true; mkdir /with-fifo; mkfifo /with-fifo/fifo; echo f >/with-fifo/f'
cp_ok "$web:/with-fifo" .
check "a FIFO is left out, and nobody waits for it" test ! -e with-fifo/fifo
check "which is said" grep -q 'is a FIFO, and left out' "$scratch/err"

"$FCVM" kill "$web" >/dev/null
run "$FCVM" rm "$web"
check "one that was killed is removed at once" test "$rc" -eq 0
cp_fails "$web" tree/a "$web:/tmp"
check "nothing is left" nothing_left "$web"
finish
