# The network `rootless` with real guests: as root, and as an ordinary user.
. "$(dirname "$0")/network_world.sh"
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/network.sh"
make_network_image
trap 'end_world; rm -rf "$scratch"' EXIT
make_world

run bash "$(dirname "$0")/network_rootless.sh"
check "it works as root" test "$rc" -eq 0
run as_user network_rootless.sh
check "it works as an ordinary user" test "$rc" -eq 0
check "of whom no process is left" test -z "$left_by_user"
finish
