# The tests of the port forwarder again, as an ordinary user: no privilege, small pipes, low ports
# forbidden. Run by an ordinary user they have been that already.
. "$(dirname "$0")/../../support/assert.sh"
[ "$(id -u)" -eq 0 ] || { echo "skipped: becomes an ordinary user, as root"; exit 77; }


# A build tree may lie where only root can go.
mkdir -p "$scratch/tests" "$scratch/libexec/fcvm"
cp "$FCVM_BUILD"/tests/contract_net_forward "$FCVM_BUILD"/tests/contract_net_publisher \
  "$FCVM_BUILD"/tests/forward_runner "$scratch/tests/"
cp "$FCVM_BUILD/libexec/fcvm/fcvm-forward" "$scratch/libexec/fcvm/"
chmod -R a+rX "$scratch"
for program in contract_net_forward contract_net_publisher; do
  run setpriv --reuid=65534 --regid=65534 --clear-groups "$scratch/tests/$program"
  check "$program passes as an ordinary user" test "$rc" -eq 0
done
finish
