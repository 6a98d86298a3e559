# An ordinary user, made for the test that sources this and gone with it; sets $user and $home. (The
# network tests make theirs in a network that they have to go on with: network_world.sh.)
. "$(dirname "${BASH_SOURCE[0]}")/../support/assert.sh"
[ "$(id -u)" -eq 0 ] || { echo "this test has to be run as root, to make a user" >&2; exit 1; }

user=fcvmtest$$
remove_user() {
  if id "$user" >/dev/null 2>&1; then
    pkill -KILL -u "$user"
    userdel -rf "$user" >/dev/null 2>&1
  fi
  rm -rf "$scratch"
}
trap remove_user EXIT
useradd -m "$user"
home=$(getent passwd "$user" | cut -d : -f 6)
