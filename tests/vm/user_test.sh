# The same VMs as an ordinary user, who has no privilege but root's guest to copy.
. "$(dirname "$0")/ordinary_user.sh"
mkdir -p "$home/build/lib" "$home/source/tests" "$home/data" "$home/tmp"
cp -r "$FCVM_BUILD/bin" "$FCVM_BUILD/libexec" "$home/build/"
cp -r "$FCVM_BUILD/lib/fcvm" "$home/build/lib/"
cp -r "$FCVM_SOURCE/tests/vm" "$FCVM_SOURCE/tests/support" "$home/source/tests/"
cp -a --sparse=always "$FCVM_BUILD/tests/vm-data/guests" "$home/data/"
chown -R "$user:" "$home"

for scenario in run_test lifecycle_test; do
  run runuser -u "$user" -- env -C / -u XDG_RUNTIME_DIR HOME="$home" TMPDIR="$home/tmp" \
    FCVM_BUILD="$home/build" FCVM_SOURCE="$home/source" FCVM_DATA_DIR="$home/data" \
    bash "$home/source/tests/vm/$scenario.sh"
  check "$scenario passes as an ordinary user" test "$rc" -eq 0
done
# One that has ended and waits for init to take note of it is none.
check "no process of the user's is left" test -z "$(ps -u "$user" -o stat=,args= | grep -v '^Z')"
finish
