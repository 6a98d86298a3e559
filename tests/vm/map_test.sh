# Directories of the host in a container: what either side does, the other sees, and nothing stays.
. "$(dirname "$0")/machine.sh"

shared=$scratch/shared
mkdir -p "$shared/sub" "$scratch/locked"
echo 'from the host' >"$shared/file"
head -c 3000000 /dev/urandom >"$shared/large"
chmod 640 "$shared/file"

run vm --rm -v "$scratch/none:/data" fcvm/hello true
check "a directory that is not there is refused" test "$rc" -eq 125
check "with what to do" contains "$err" "mkdir $scratch/none"
run vm --rm -v data:/data fcvm/hello true
check "so is a named volume, by name" contains "$err" "there are no named volumes yet"
run vm --rm -v "$shared/file:/data" fcvm/hello true
check "and a file" contains "$err" "only those can be mapped"
run vm --rm -v "$shared:/data" -v "$scratch/locked:/data/" fcvm/hello true
check "two at one place are refused" contains "$err" "/data is given twice"

mapped=$(named mapped)
run vm -d --name "$mapped" -v "$shared:/data" --map "$scratch/locked:/locked:ro" fcvm/hello sleep 1000
check "a container with two directories starts" test "$rc" -eq 0
inside() { run "$FCVM" exec "$mapped" sh -c "$1"; }
inside 'cat /data/file; stat -c "%a %u" /data/file'
check "it reads what is there, with its mode and owner" test "$out" = "$(printf 'from the host\n640 0')"
inside 'sha256sum </data/large'
check "a large file is whole" test "$out" = "$(sha256sum <"$shared/large")"
inside 'mkdir /data/made && echo "from the guest" >/data/made/file && ln -s file /data/made/link && cp /data/large /data/sub/'
check "it writes" test "$rc" -eq 0
check "which the host has at once" test "$(cat "$shared/made/link")" = "from the guest"
check "and whole" cmp "$shared/large" "$shared/sub/large"
check "and belongs to who serves" test "$(stat -c %u "$shared/made/file")" -eq "$(id -u)"
echo 'new on the host' >"$shared/new"
inside 'cat /data/new'
check "what the host makes is seen" test "$out" = 'new on the host'
inside 'touch /locked/x'
check "in a directory for reading nothing is made" contains "$err" "Read-only file system"
check "on the host neither" test ! -e "$scratch/locked/x"
ln -s "$scratch" "$shared/out"
inside 'ls /data/out/shared'
check "a link leads nowhere outside the directory" test "$rc" -ne 0
run "$FCVM" inspect --format '{{(index .Mounts 0).Source}} {{(index .Mounts 1).RW}}' "$mapped"
check "inspect has both" test "$out" = "$shared false"
run "$FCVM" snapshot create "$mapped"
check "a snapshot is refused by name" contains "$err" "it maps directories of the host"
run "$FCVM" restart "$mapped"
check "the container is started again" test "$rc" -eq 0
inside 'cat /data/made/file'
check "and has the directory still" test "$out" = "from the guest"
servers=$(pgrep -f "given:3" -P "$(supervisor_of "$mapped")" | wc -l)
check "each directory is served by a process of its own" test "$servers" -eq 2
run "$FCVM" rm -f "$mapped"
check "nothing is left of it" nothing_left "$mapped"
check "nor of what served it" test -z "$(pgrep -f "serve $shared")"
finish
