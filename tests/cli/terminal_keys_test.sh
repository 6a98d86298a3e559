# Keys, hang-up and window changes at a terminal, in every stage of setup, run and stop and with every
# combination of -i, -t and -d. The guest is a process of the host, so that a stage lasts as long as it
# is to.
. "$(dirname "$0")/../support/assert.sh"

export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run" FCVM_RUN_NETWORK=none
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples:$FCVM_BUILD/tests/plugins" TERM=xterm
guest="$FCVM_DATA_DIR/guests/current"
mkdir -p "$guest" "$FCVM_CONFIG_ROOT/etc/fcvm" "$scratch/images" "$scratch/bin"
touch "$guest"/{vmlinuz,initrd,base.ext4,hello.tar}
printf '[{"Config":"config.json"}]' >"$scratch/manifest.json"
printf '{"config":{"Cmd":["sh"]}}' >"$scratch/config.json"
tar -C "$scratch" -cf "$scratch/images/image.tar" manifest.json config.json
printf '{"key":"k","suite":"s","architecture":"a","kernel":{"version":"6","source":"x"},"agent":{"sha256":"0"},"files":{}}' \
  >"$guest/guest.json"
cat >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml" <<END
[jail]
enabled = false
[plugin."image.archive"]
skopeo = "$scratch/bin/skopeo"
[plugin."image.directory"]
path = "$scratch/images"
[plugin."vmm.hosted"]
agent = "$FCVM_BUILD/tests/fc-agent-hosted"
END
for program in skopeo mmdebstrap; do
  printf '#!/bin/sh\ntouch "%s/asked"\nexec sleep 61.5\n' "$scratch" >"$scratch/bin/$program"
  chmod 755 "$scratch/bin/$program"
done

# at STEP... -- COMMAND...: leaves $end ("exited 3 cooked"), and $out.
at() {
  rm -f "$scratch/asked"
  KEYS_TEST=$scratch python3 "$FCVM_SOURCE/tests/support/at_terminal.py" "$@" >"$scratch/out" 2>"$scratch/err"
  end=$(head -n 1 "$scratch/out") out=$(tail -n +2 "$scratch/out") err=$(cat "$scratch/err") rc=$end
}
# ends WHAT END: the last one did, as a regular expression says, and nothing of it is left.
ends() {
  check "$1 ends: $2" grep -qxE "$2" <<<"$end"
  check "$1: each step came true" test -z "$err"
  wait_until nothing_lives
  check "$1 leaves no process" nothing_lives
  check "$1 leaves no name and no socket" nothing_is_left
}
wait_until() {
  local left=200
  until "$@" || [ $((left -= 1)) -lt 0 ]; do sleep 0.05; done
}
nothing_lives() { ! grep -lzx "KEYS_TEST=$scratch" /proc/[0-9]*/environ 2>/dev/null | grep -q .; }
nothing_is_left() {
  "$FCVM" rm -af >/dev/null 2>&1
  [ -z "$(ls -A "$FCVM_PATHS_RUNTIME_DIR" 2>/dev/null)" ]
}

# Until the container runs, Ctrl-C, Ctrl-\ and a hang-up end it all, and a window's size is nobody's.
asked() { echo "until:test -e $scratch/asked"; }
booting() { echo "until:'$FCVM' ls --format '{{.Pid}}' | grep -q '[1-9]'"; }
fetch() { FCVM_RUN_VMM=pretend FCVM_RUN_IMAGE_MODE=archive at "$(asked)" "$@"; }
boot() { FCVM_RUN_VMM=pretend FCVM_RUN_IMAGE_MODE=directory at "$(booting)" "$@"; }
for how in '' -i -t -it -d; do
  for stage in fetch boot; do
    # shellcheck disable=SC2086  # no option is no word
    starts() { "$stage" "$@" -- "$FCVM" run $how --name keys image; }
    starts size:31x101 key:03
    ends "run $how, Ctrl-C in $stage" 'exited 130 cooked'
    starts key:1c
    ends "run $how, Ctrl-\\ in $stage" 'exited 131 cooked'
    starts hangup
    ends "run $how, hang-up in $stage" 'exited (129|143) gone'
  done
done
fetch key:1a stopped fg key:03 -- "$FCVM" run image
ends "run, Ctrl-Z and fg in fetch" 'exited 130 cooked'

PATH="$scratch/bin:$PATH" at "$(asked)" key:03 -- "$FCVM" setup
ends "setup, Ctrl-C" '(exited 130|killed 2) cooked'
PATH="$scratch/bin:$PATH" at "$(asked)" key:1c -- "$FCVM" setup
ends "setup, Ctrl-\\" '(exited 131|killed 3) cooked'
PATH="$scratch/bin:$PATH" at "$(asked)" hangup -- "$FCVM" setup
ends "setup, hang-up" '(exited 129|killed 1) gone'

# Then they are the container's: typed into its terminal, or as signals.
says='trap "echo INT; exit 3" INT; trap "echo QUIT; exit 4" QUIT; trap "echo HUP; exit 5" HUP
      trap "echo TERM; exit 6" TERM; trap "stty size" WINCH; echo up; while :; do sleep 0.05; done'
runs() { FCVM_RUN_VMM=hosted FCVM_RUN_IMAGE_MODE=directory at shows:up "$@"; }
for how in '' -i -t -it; do
  # shellcheck disable=SC2086
  runs_how() { runs "$@" -- "$FCVM" run $how --name keys image sh -c "$says"; }
  runs_how key:03
  ends "run $how, Ctrl-C" 'exited 3 cooked'
  runs_how key:1c
  ends "run $how, Ctrl-\\" 'exited 4 cooked'
  runs_how hangup
  ends "run $how, hang-up" 'exited [0-9]+ gone'
done
for how in -t -it; do
  runs size:31x101 'shows:31 101' key:03 -- "$FCVM" run $how --name keys image sh -c "$says"
  ends "run $how, another size" 'exited 3 cooked'
done
for how in '' -i; do
  # shellcheck disable=SC2086
  runs key:1a stopped fg key:03 -- "$FCVM" run $how --name keys image sh -c "$says"
  ends "run $how, Ctrl-Z and fg" 'exited 3 cooked'
done

# Whoever waits for a stop may leave, and it goes on.
stopping() { echo "until:'$FCVM' events --stream=false | grep -q 'stop.*$1'"; }
for key in key:03 key:1c hangup; do
  name=stopped-by-${key#key:}
  KEYS_TEST=$scratch FCVM_RUN_VMM=hosted FCVM_RUN_IMAGE_MODE=directory "$FCVM" run -d --name "$name" image \
    sh -c 'trap "" TERM; while :; do sleep 0.05; done' >/dev/null 2>&1
  at "$(stopping "$name")" "$key" -- "$FCVM" stop -t 2 "$name"
  check "stop ends by $key" grep -qE '^(killed [123]|exited (129|130|131)) ' <<<"$end"
  run timeout 60 "$FCVM" wait "$name"
  check "and the VM all the same" test "$out" = 137
  ends "stop, $key" '.*'
done
finish
