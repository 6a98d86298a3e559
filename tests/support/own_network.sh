# A network of its own for a test that takes ports: nothing but a loopback, of both families whatever the
# machine has switched off. Sourced first; the test is run again in it, as the same user.
if [ -z "${FCVM_TEST_OWN_NETWORK-}" ]; then
  namespaces=(--net)
  [ "$(id -u)" -eq 0 ] || namespaces+=(--user --map-current-user --keep-caps)
  FCVM_TEST_OWN_NETWORK=1 exec unshare "${namespaces[@]}" \
    bash -c 'ip link set lo up && exec setpriv --ambient-caps -all --inh-caps -all bash "$@"' bash "$0" "$@"
fi
