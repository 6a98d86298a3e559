# The first container: what it says, how it ends, and that nothing of it is left.
. "$(dirname "$0")/machine.sh"

hello=$(named hello)
run vm --rm --name "$hello" fcvm/hello
check "fcvm/hello greets" contains "$out" "Hello from fcvm"
check "and says from which kernel" contains "$out" "$(jq -r .kernel.version "$FCVM_DATA_DIR/guests/current/guest.json")"
check "VMM" contains "$out" "qemu"
check "and agent it speaks" contains "$out" "fc-agent"
check "with its own host name" contains "$out" "$hello"
check "exit code 0" test "$rc" -eq 0
check "nothing is left of it" nothing_left "$hello"

streams=$(named streams)
run vm --name "$streams" -e 'GREETING=hello world' --workdir /tmp --hostname inside -- fcvm/hello \
  sh -c 'echo "$GREETING"; pwd; hostname; echo to stderr >&2; exit 7'
check "the container's exit code is fcvm's" test "$rc" -eq 7
check "its environment, directory and host name are as asked" test "$out" = "$(printf 'hello world\n/tmp\ninside')"
check "stderr is stderr" test "$err" = "to stderr"
run "$FCVM" ls
check "ls does not show an exited one" test "$(grep -c "$streams" <<<"$out")" -eq 0
run "$FCVM" ls -a --json
check "ls -a does, with its code" contains "$out" "$streams"
run "$FCVM" logs "$streams"
check "logs keeps stdout" contains "$out" "hello world"
check "and stderr" contains "$err" "to stderr"
run vm --name "$streams" fcvm/hello true
check "a name in use is refused" test "$rc" -eq 125
check "and says what to do" contains "$err" "fcvm rm $streams"
run vm --name "$streams" --replace --init --tz Europe/Berlin --sysctl net.core.somaxconn=77 \
  --sysctl kernel.shmmax=4096 --kernel-args fcvm.test=1 fcvm/hello sh -c '
    cat /proc/1/comm; date +%Z; cd /proc/sys; cat net/core/somaxconn kernel/shmmax; grep -o fcvm.test=1 /proc/cmdline'
check "--replace replaces it" test "$rc" -eq 0
check "and the container has its init, zone and sysctls, and the kernel its word" \
  test "$(sed 's/CEST/CET/' <<<"$out" | tr '\n' ' ')" = "podman-init CET 77 4096 fcvm.test=1 "
run "$FCVM" rm "$streams"
check "rm removes it" test "$rc" -eq 0

printf '# comment\nFROM_FILE=yes\n\n' >"$scratch/env"
run vm --rm --env-file "$scratch/env" --cidfile "$scratch/cid" --entrypoint '["sh","-c"]' fcvm/hello \
  'echo $FROM_FILE; kill -9 $$; sh -c "kill -9 \$\$"; exit $?'
check "env files, entry points and cid files work" test "$out" = yes
check "128+n when a signal ends it" test "$rc" -eq 137
check "the cid file has the id" test "$(wc -c <"$scratch/cid")" -eq 12

run vm --rm fcvm/hello no-such-command
check "127 for a command that is not there" test "$rc" -eq 127
gone=$(named gone)
run vm -d --name "$gone" fcvm/hello no-such-command
check "and with -d" test "$rc" -eq 127
check "which prints no id" test -z "$out"
check "and says why" contains "$err" "no-such-command"
check "once" test "$(grep -c no-such-command <<<"$err")" -eq 1
run "$FCVM" rm "$gone"
check "it is there to be looked at, as podman's" test "$rc" -eq 0
run vm --name "$gone" UPPER/case
check "a wrong image leaves no name" test -z "$("$FCVM" ls -aq --filter "name=$gone")"
run vm --rm fcvm/hello /etc
check "126 for one that cannot be executed" test "$rc" -eq 126
run vm --rm --tmpfs /scratch:size=1m --shm-size 32m --ulimit nofile=100:200 --umask 0027 --read-only \
  --group-add 55 --cap-drop kill --cap-add SYS_TIME fcvm/hello sh -c 'ulimit -n; umask; id -G | tr " " "\n" | grep -x 55
    echo x >/scratch/x && echo scratch; echo x 2>/dev/null >/x || echo read-only
    all=0x$(grep CapBnd /proc/self/status | cut -f 2); echo $((all >> 25 & 1)) $((all >> 5 & 1))
    df -k /dev/shm | grep -o "32768" | head -n 1'
check "what podman in the guest honours is passed on" \
  test "$(tr '\n' ' ' <<<"$out")" = "100 0027 55 scratch read-only 1 0 32768 "
run vm --rm fcvm/hello cat /etc/hosts
check "the guest is not called the host" test -z "$(grep host.containers.internal <<<"$out")"
run vm --rm --timeout 2s fcvm/hello sleep 600
check "--timeout kills" test "$rc" -eq 137

run vm --rm --memory 16M fcvm/hello
check "too little memory is refused" test "$rc" -eq 125
check "with a remedy" contains "$err" "-m 128m"
run vm --rm --pull never no-such-image
check "an image that is not there fails with 125" test "$rc" -eq 125
check "and is named" contains "$err" "no-such-image"
run vm --dry-run --pids-limit 9 --log-opt max-size=1M --timeout 90 fcvm/hello
check "--dry-run prints the plan" test "$(jq -r .vmm <<<"$out")" = vmm.qemu
check "with its limits" test "$(jq -c '[.pids_limit, .log_max_bytes, .timeout_ms]' <<<"$out")" = '[9,1048576,90000]'
check "nothing is left" nothing_left "$streams"
finish
