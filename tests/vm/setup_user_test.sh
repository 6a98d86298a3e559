# fcvm setup for real, as an ordinary user made for this test: twice at once, then without subordinate
# ids. Needs root, to make the user, and the Debian mirror that apt uses.
. "$(dirname "$0")/ordinary_user.sh"
sound() { e2fsck -fn "$1/current/base.ext4" >/dev/null 2>&1; }

grep -q "^$user:" /etc/subuid || usermod --add-subuids 700000-765535 --add-subgids 700000-765535 "$user"
mkdir "$home/fcvm"
cp -r "$FCVM_BUILD/bin" "$FCVM_BUILD/libexec" "$home/fcvm/"
as_user() {
  runuser -u "$user" -- env -C / -u FCVM_CONFIG_ROOT -u XDG_CONFIG_HOME -u FCVM_DATA_DIR -u TMPDIR \
    HOME="$home" XDG_DATA_HOME="$home/data" "$@"
}
as_user "$home/fcvm/bin/fcvm" setup >"$scratch/a" 2>&1 &
first=$!
as_user "$home/fcvm/bin/fcvm" setup >"$scratch/b" 2>&1 &
second=$!
wait $first
a=$?
wait $second
b=$?
rc=$a/$b out=$(cat "$scratch/a" "$scratch/b") err=
check "two setups of a user succeed" test "$rc" = 0/0
check "of which one does the work" test "$(grep -c 'root file system: made' <<<"$out")" -eq 1
check "and the other waits for it" contains "$out" "another fcvm setup works here"
check "a user's root file system is sound" sound "$home/data/fcvm/guests"
check "and belongs to root inside" contains "$(debugfs -R 'stat /usr/bin/podman' "$home/data/fcvm/guests/current/base.ext4" 2>/dev/null)" "User:     0"
check "no work in progress is left" test -z "$(find "$home/data/fcvm/guests" -maxdepth 1 -name '.tmp-*')"

# Without subordinate ids a user is told what to do.
sed -i "/^$user:/d" /etc/subuid /etc/subgid
run as_user FCVM_DATA_DIR="$home/other" "$home/fcvm/bin/fcvm" setup
check "without subordinate ids setup fails" test "$rc" -eq 125
check "with the command that grants them" contains "$err" "usermod --add-subuids"
finish
