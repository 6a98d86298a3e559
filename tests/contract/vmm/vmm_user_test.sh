# The contract of VMM plugins again, as an ordinary user: what a jail is without privilege.
. "$(dirname "$0")/../../support/assert.sh"
[ "$(id -u)" -eq 0 ] || { echo "skipped: the other tests of it have run as an ordinary user"; exit 77; }
as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$@"; }
as_user test -x "$FCVM_BUILD/tests/contract_vmm" ||
  { echo "skipped: an ordinary user cannot reach the build tree"; exit 77; }
as_user unshare -U true || { echo "skipped: an ordinary user can make no user namespace"; exit 77; }

# In a directory that is the user's: whoever is root keeps its own there.
mkdir -p "$scratch/tmp"
chown 65534:65534 "$scratch/tmp"
chmod a+x "$scratch"
for program in contract_vmm contract_vmm_firecracker contract_plugins_vmm.qemu; do
  run as_user env TMPDIR="$scratch/tmp" "$FCVM_BUILD/tests/$program"
  # 77: what only root has was skipped.
  check "$program passes as an ordinary user" test "$rc" -eq 0 -o "$rc" -eq 77
done
finish
