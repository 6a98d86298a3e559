# Options that podman in the guest honours: what is passed on, and what is refused before a VM boots.
. "$(dirname "$0")/../support/assert.sh"

export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run" FCVM_RUN_NETWORK=none
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples" FCVM_RUN_VMM=pretend
guest="$FCVM_DATA_DIR/guests/current"
mkdir -p "$guest"
touch "$guest"/{vmlinuz,initrd,base.ext4,hello.tar}
printf '{"key":"k","suite":"s","architecture":"a","kernel":{"version":"6","source":"x"},"agent":{"sha256":"0"},"files":{}}' \
  >"$guest/guest.json"

# passed ALL OPTION...: these are handed to podman as ALL, in one line.
passed() {
  local all=$1
  shift
  run "$FCVM" run --dry-run "$@" image
  test "$(jq -r '.podman_options | join(" ")' <<<"$out")" = "$all"
}
check "nothing is passed that was not asked for" passed ""
check "tmpfs" passed "--tmpfs=/run/x --tmpfs=/y:size=1m,mode=1777" --tmpfs /run/x --tmpfs /y:size=1m,mode=1777
check "limits" passed "--ulimit=nofile=10:20 --ulimit=core=-1" --ulimit nofile=10:20 --ulimit core=-1
check "capabilities" passed "--cap-add=NET_ADMIN,sys_time --cap-drop=all" --cap-drop all --cap-add NET_ADMIN,sys_time
check "flags" passed "--read-only --no-hosts --unsetenv-all" --unsetenv-all --no-hosts --read-only
check "sizes in bytes" passed "--shm-size=67108864b" --shm-size 64m
check "security" passed "--security-opt=no-new-privileges --security-opt=seccomp=unconfined" \
  --security-opt no-new-privileges --security-opt seccomp=unconfined
check "and what is left" passed "--group-add=adm --unsetenv=A --umask=0027 --annotation=a=b=c" \
  --annotation a=b=c --umask 0027 --group-add adm --unsetenv A

check "devices of the guest" passed "--device=/dev/fuse --device=/dev/net/tun:/dev/tun:rw" \
  --device /dev/fuse --device /dev/net/tun:/dev/tun:rw
check "signals, init and time zones" passed "--stop-signal=SIGQUIT --tz=Europe/Berlin --init" \
  --init --tz Europe/Berlin --stop-signal SIGQUIT
check "sysctls of a container's own" passed "--sysctl=kernel.shmmax=1" --sysctl kernel.shmmax=1 --sysctl net.core.somaxconn=7
check "and of its kernel" test "$(jq -c .sysctls <<<"$out")" = '["net.core.somaxconn=7"]'
run "$FCVM" run --dry-run --kernel-args loglevel=7 --kernel-args 'a b' image
check "words for the kernel's command line" test "$(jq -r .kernel_args <<<"$out")" = "loglevel=7 a b"

refused() {
  local message=$1
  shift
  run "$FCVM" run --dry-run "$@" image
  [ "$rc" -eq 125 ] && contains "$err" "$message" && contains "$err" "to fix:"
}
check "a relative tmpfs" refused "does not begin with a path" --tmpfs run
check "a limit without a number" refused '"nofile" is not a limit' --ulimit nofile
check "a limit of the host" refused "mean nothing in a VM" --ulimit host
check "a wrong number" refused "is not a limit" --ulimit nofile=1:x
check "a limit that there is not" refused 'there is no limit "bogus"' --ulimit bogus=1
check "no capability" refused "is not a capability" --cap-add 'NET ADMIN'
check "one that there is not" refused '"net_bogus" is not a capability' --cap-drop net_admin,net_bogus
check "a profile of the host" refused "is not in the guest" --security-opt seccomp=/etc/x.json
check "labels of SELinux" refused 'has no "label"' --security-opt label=disable
check "a sysctl without a value" refused 'does not set a sysctl' --sysctl net.core.somaxconn=
check "a path for a sysctl" refused 'does not set a sysctl' --sysctl ../../etc/passwd=x
check "a time zone that is a path" refused 'is not a time zone' --tz ../../etc/passwd
check "no signal" refused 'is not a signal' --stop-signal 'a b'
check "a line's end for the kernel" refused 'printable' --kernel-args $'a\nb'
check "a device that is none" refused "is no device of the guest's" --device vendor.com/gpu=all
check "a device by a detour" refused "is no device of the guest's" --device /dev/../etc/passwd
check "no policy" refused "does not say when to restart" --restart sometimes
check "a policy that --rm contradicts" refused "contradict each other" --restart always --rm
check "a mode" refused "is not a file mode" --umask 0o22

printf '# comment\nA=1\n\nEMPTY\n' >"$scratch/labels"
run "$FCVM" run --dry-run --label-file "$scratch/labels" --label A=2 image
check "labels may be in a file" test "$rc" -eq 0
printf 'A=1\nB C=2\n' >"$scratch/env"
check "a variable without a name is found before the VM boots" refused "$scratch/env:2:" --env-file "$scratch/env"
run env ONLY_HERE=yes "$FCVM" run --dry-run --env-host -e B=1 image
check "the caller's environment may be handed on" test "$(jq '[.environment[] | select(. == "ONLY_HERE=yes" or . == "B=1")] | length' <<<"$out")" = 2
finish
