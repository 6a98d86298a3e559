# A container that is started without podman is one that podman knows, and it is the very container
# that podman would have made of the same options. Each start is a VM.
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/../support/image.sh"

# A cache of its own: one from before may have been made with another podman.
shared=$FCVM_DATA_DIR
export FCVM_DATA_DIR=$scratch/data
mkdir -p "$FCVM_DATA_DIR"
ln -s "$shared/guests" "$FCVM_DATA_DIR/guests"

by_podman() { grep -q 'start by podman: ' <<<"$err"; }
by_itself() { ! guest "$1" dmesg | grep 'start by podman: ' >&2; }
guest() { "$FCVM" exec --vm "$@"; }

# In the guest: podman makes the container of the words anew, up to where conmon would be started,
# which only keeps crun's configuration.
cat >"$scratch/twin" <<'END'
printf '#!/bin/sh\n[ "$1" != --version ] || exec /usr/bin/conmon --version\nwhile [ "$1" != -b ]; do shift; done\ncp "$2/config.json" /run/twin.json\nexit 1\n' >/run/twin-conmon
printf '[engine]\nconmon_path = ["/run/twin-conmon"]\n' >/run/twin.conf
chmod +x /run/twin-conmon
podman --log-level=error create "$@" >/dev/null
CONTAINERS_CONF_OVERRIDE=/run/twin.conf podman --log-level=error init twin 2>/dev/null
test -s /run/twin.json
END

# What is not of the container's own: ids, names, times, its lock, an order that podman leaves to chance.
cat >"$scratch/compare.py" <<'END'
import json, re, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
assert database.execute("pragma foreign_key_check").fetchall() == []
rows = {name: (id, json.loads(text)) for id, name, text in database.execute("select ID, Name, JSON from ContainerConfig")}
def normal(id, value):
    for own in "createdTime", "lockID", "CreateCommand", "name":
        value.pop(own, None)
    for process in value.get("process"), value.get("spec", {}).get("process"):
        if process:
            process["env"].sort()
    value.get("mounts", []).sort(key=json.dumps)
    text = json.dumps(value, indent=1, sort_keys=True).replace(id, "ID")
    return re.sub("overlay/[0-9a-f]{64}", "overlay/LAYER", text).split("\n")
def same(what, one, other):
    differences = [pair for pair in zip(one, other) if pair[0] != pair[1]]
    if differences or len(one) != len(other):
        sys.exit("%s: %s" % (what, differences or (one, other)))
one, other = rows[sys.argv[2]], rows["twin"]
same("podman's", normal(*one), normal(*other))
read = lambda path: json.load(open(path))
same("crun's", normal(one[0], read(sys.argv[3])), normal(other[0], read(sys.argv[4])))
END
# is_podmans NAME: what podman knows of it, and what crun was given, is what podman makes of its words.
is_podmans() {
  local name=$1 id word words=() storage=/var/lib/containers/storage
  id=$(guest "$name" podman inspect --format '{{.Id}}' "$name") || return 1
  guest "$name" podman inspect --format '{{json .Config.CreateCommand}}' "$name" >"$scratch/words"
  while IFS= read -r word; do
    case $word in
      podman | --log-level=error | run | --detach-keys=) ;;
      --name=*) words+=(--name=twin) ;;
      *) words+=("$word") ;;
    esac
  done < <(jq -r '.[]' "$scratch/words")
  guest -i "$name" sh -s -- "${words[@]}" <"$scratch/twin" || return 1
  guest "$name" cat "$storage/db.sql" >"$scratch/database"
  guest "$name" cat "$storage/overlay-containers/$id/userdata/config.json" >"$scratch/one.json"
  guest "$name" cat /run/twin.json >"$scratch/twin.json"
  python3 "$scratch/compare.py" "$scratch/database" "$name" "$scratch/one.json" "$scratch/twin.json"
}

# --- all that podman in the guest does with a container ---
plain=$(named plain)
run vm -d --name "$plain" fcvm/hello sh -c 'trap "echo bye; exit 7" TERM; echo begun; while :; do sleep 0.1; done'
check "a container runs" test "$rc" -eq 0
check "podman has not started it" by_itself "$plain"
run guest "$plain" podman ps --format '{{.Names}} {{.Image}} {{.Status}} {{.Command}}'
check "podman ps has it" grep -q "^$plain localhost/fcvm/hello:latest Up .* sh -c trap" <<<"$out"
run guest "$plain" podman inspect --format '{{.State.Status}} {{.State.Pid}} {{.State.ConmonPid}}' "$plain"
check "podman inspect knows what it does" grep -qE '^running [1-9][0-9]* [1-9][0-9]*$' <<<"$out"
run guest "$plain" podman exec -e A=b -u nobody "$plain" sh -c 'echo $A; id -un; hostname'
check "podman exec gets in" test "$out" = $'b\nnobody\n'"$plain"
run guest "$plain" podman top "$plain" comm
check "podman top shows its processes" contains "$out" sh
run guest "$plain" podman logs "$plain"
check "podman logs says what it says of any" contains "$err" "passthrough"
run guest "$plain" podman cp "$plain:/etc/passwd" /run/copied
check "podman cp gets a file" test "$rc" -eq 0
run guest "$plain" podman run --rm --name beside fcvm/hello echo beside
check "podman runs another one beside it" test "$out" = beside
run "$FCVM" exec "$plain" sh -c 'readlink /etc/mtab; cat /etc/hostname; ls -a /run; cat /sys/fs/cgroup/pids.max'
check "its root is as podman leaves one" test "$out" = $'/proc/mounts\n'"$plain"$'\n.\n..\n.containerenv\n2048'
check "it is the container that podman makes" is_podmans "$plain"
run guest "$plain" podman stop "$plain"
run "$FCVM" wait "$plain"
check "podman stop ends it, by its own exit code" test "$out" = 7
check "with all of its output" test "$("$FCVM" logs "$plain")" = $'begun\nbye'
"$FCVM" rm "$plain" >/dev/null

# --- the options that are no reason for podman ---
options=$(named options)
run vm -d -i --name "$options" --hostname other -e A=b -e PATH=/bin:/x -w /tmp -u 1000:2000 --label one=two --label three \
  --entrypoint '["sh", "-c"]' fcvm/hello 'id -u; cat; sleep 1000'
check "a container with options runs" test "$rc" -eq 0
check "podman has not started it" by_itself "$options"
check "it is the container that podman makes" is_podmans "$options"
run "$FCVM" exec "$options" sh -c 'tail -1 /etc/passwd; tail -1 /etc/group'
check "its user has been entered" test "$out" = $'1000:*:1000:2000:container user:/tmp:/bin/sh\n2000:x:2000:1000'
"$FCVM" rm -f "$options" >/dev/null

terminal=$(named terminal)
run vm -d -i -t --name "$terminal" -u nobody -e HOME=/x fcvm/hello sh
check "a shell at a terminal runs" test "$rc" -eq 0
check "podman has not started it" by_itself "$terminal"
check "it is the container that podman makes" is_podmans "$terminal"
run "$FCVM" exec "$terminal" sh -c 'ls -l /proc/1/fd/0 | sed "s/.*-> //"; cut -d " " -f 7 /proc/1/stat'
check "the terminal is its own" test "$out" = $'/dev/pts/0\n34816'
"$FCVM" rm -f "$terminal" >/dev/null

# --- an image that says a lot itself ---
hello_tree "$scratch/tree"
mkdir -p "$scratch/tree/home/member"
echo 'member:x:1000:1000::/home/member:/bin/sh' >>"$scratch/tree/etc/passwd"
printf 'member:x:1000:\nfirst:x:2001:member\nsecond:x:2002:nobody,member\n' >>"$scratch/tree/etc/group"
make_image "$scratch/plain.tar" localhost/said:latest "$scratch/tree"
mkdir "$scratch/unpacked"
tar -C "$scratch/unpacked" -xf "$scratch/plain.tar"
# with_config FILE JSON: the image with another configuration.
with_config() {
  jq -c --argjson config "$2" '.config = $config' "$scratch/unpacked/config.json" >"$scratch/config.json"
  mv "$scratch/config.json" "$scratch/unpacked/config.json"
  tar -C "$scratch/unpacked" -cf "$1" manifest.json config.json layer.tar
}
with_config "$scratch/said.tar" '{"User": "member", "WorkingDir": "/home/member", "Entrypoint": ["sleep"], "Cmd": ["1000"],
  "Env": ["PATH=/bin", "FROM=image"], "Labels": {"of": "image"}, "StopSignal": "SIGINT", "ExposedPorts": {"80/tcp": {}}}'
with_config "$scratch/mute.tar" '{"Env": ["PATH=/bin"]}'
with_config "$scratch/volume.tar" '{"Env": ["PATH=/bin"], "Cmd": ["true"], "Volumes": {"/data": {}}}'
said=$(named said)
run vm -d --name "$said" --label of=options -e FROM=options "docker-archive:$scratch/said.tar"
check "an image with settings runs" test "$rc" -eq 0
check "podman has not started it" by_itself "$said"
check "it is the container that podman makes" is_podmans "$said"
run "$FCVM" exec "$said" id
check "as its own user, in its groups" contains "$out" "uid=1000(member) gid=1000(member) groups=2001(first),2002(second)"
"$FCVM" rm -f "$said" >/dev/null

mute=$(named mute)
run vm -d --name "$mute" "docker-archive:$scratch/mute.tar" sleep 1000
check "an image without a command runs one" test "$rc" -eq 0
check "podman has not started it" by_itself "$mute"
check "it is the container that podman makes" is_podmans "$mute"
"$FCVM" rm -f "$mute" >/dev/null

# --- what is left to podman ---
run vm --rm --log-level debug "docker-archive:$scratch/volume.tar" sh -c 'grep -c " /data " /proc/mounts'
check "an image with a volume has it" test "$out" = 1
check "by podman" by_podman
shm=$(named shm)
run vm --name "$shm" --log-level debug --shm-size 1M fcvm/hello sh -c 'df -k /dev/shm | tail -1'
check "an option of podman's works" contains "$out" 1024
check "by podman" by_podman
"$FCVM" rm "$shm" >/dev/null
missing=$(named missing)
run vm --name "$missing" --log-level debug fcvm/hello /no-such-program
check "127: a command that is not there" test "$rc" -eq 127
check "podman says so" contains "$err" "not found"
check "after the attempt" by_podman
"$FCVM" rm "$missing" >/dev/null
run vm --rm --log-level debug -e "A=$(printf 'a\377')" fcvm/hello sh -c 'echo "$A"'
check "a variable that is not in UTF-8 does no harm" grep -aq ^a <<<"$out"
check "and is podman's to write down" by_podman
run vm --rm -u stranger fcvm/hello true
check "an unknown user is podman's to refuse" test "$rc" -eq 126
check "by name" contains "$err" "unable to find user stranger"
check "nothing is left" nothing_left "$plain" "$options" "$terminal" "$said" "$mute" "$shm" "$missing"
finish
