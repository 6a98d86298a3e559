# VMs that were created and not started: made, shown, renamed and removed, without a guest.
. "$(dirname "$0")/../support/assert.sh"
. "$(dirname "$0")/../support/image.sh"
export FCVM_DATA_DIR=$scratch/data FCVM_PATHS_RUNTIME_DIR=$scratch/run FCVM_RUN_IMAGE_MODE=archive
export FCVM_PLUGIN_PATH="$FCVM_BUILD/lib/fcvm/examples" FCVM_RUN_VMM=pretend FCVM_RUN_NETWORK=none
guest="$FCVM_DATA_DIR/guests/current"
mkdir -p "$guest" "$scratch/tree/etc"
touch "$guest"/{vmlinuz,initrd,base.ext4,hello.tar}
printf '{"key":"k","suite":"s","architecture":"a","kernel":{"version":"6","source":"x"},"agent":{"sha256":"0"},"files":{}}' \
  >"$guest/guest.json"
make_image "$scratch/app.tar" localhost/app:1 "$scratch/tree" A=b

status() { "$FCVM" inspect --format '{{.State.Status}}' "$1"; }

run "$FCVM" create --name web --cidfile "$scratch/id" -e C=d --restart on-failure:3 -p 8080:80 --network none \
  "docker-archive:$scratch/nosuch.tar"
check "an image that is not there makes no VM" test "$rc" -eq 125 -a -z "$("$FCVM" ls -aq)"
run "$FCVM" create --name web --cidfile "$scratch/id" -e C=d --restart on-failure:3 --cap-add net_admin -w /srv \
  --label tier=test "docker-archive:$scratch/app.tar" sleep 5
web=$out
check "create prints the id" grep -qx '[0-9a-f]\{12\}' <<<"$out"
check "and writes it" test "$(cat "$scratch/id")" = "$web"
check "the VM waits" test "$(status web)" = created
run "$FCVM" ls
check "it does not run" test "$(wc -l <<<"$out")" -eq 1
run "$FCVM" ls --all
check "ls -a says so" grep -q " Created .* web$" <<<"$out"
check "nobody else reads what it is made of" test "$(stat -c %a "$FCVM_DATA_DIR/vms/$web/plan.json")" = 600
run "$FCVM" gc
check "gc leaves it alone" test "$(status web)" = created
run "$FCVM" image prune --all
check "and its image is somebody's" test -n "$("$FCVM" images -q)"
run "$FCVM" create --name web "docker-archive:$scratch/app.tar"
check "its name is taken" contains "$err" "the name web is in use"

# --- inspect, by templates ---
shows() { test "$("$FCVM" inspect --format "$1" web)" = "$2"; }
check "its command" shows '{{.Path}} {{join .Args " "}}' "sleep 5"
check "its policy" shows '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' on-failure:3
check "lists and maps look as Go prints them" shows '{{.HostConfig.CapAdd}} {{.Config.Labels}}' '[CAP_NET_ADMIN] map[tier:test]'
check "conditions and ranges" shows '{{range .Config.Env}}{{if eq . "C=d"}}has {{.}}{{end}}{{end}}' 'has C=d'
check "keys of maps" shows '{{index .Config.Labels "tier"}} {{len .Config.Labels}} {{json .Config.WorkingDir}}' 'test 1 "/srv"'
run "$FCVM" inspect --format '{{if .Name}}' web
check "what has no end is refused" contains "$err" "{{end}}"

# --- other names, and the end ---
run "$FCVM" rename web shop
check "rename prints nothing" test "$rc:$out" = 0:
check "and renames" test "$(status shop)" = created
run "$FCVM" rename shop 'a b'
check "a name with a blank is refused" contains "$err" "use letters"
run "$FCVM" start nosuch
check "what is not there is not started" contains "$err" 'there is no VM "nosuch"'
for verb in pause kill; do
  run "$FCVM" "$verb" shop
  check "$verb: it does not run" test "$rc" -eq 125
done
for verb in commit diff; do
  run "$FCVM" "$verb" shop
  check "$verb: it does not run" contains "$err" "fcvm start shop"
done
run "$FCVM" balloon shop
check "balloon: it does not run" contains "$err" "it is created"
run "$FCVM" export shop
check "export: it does not run" contains "$err" "fcvm start shop"
run "$FCVM" rm shop
check "rm removes it" test "$rc:$("$FCVM" ls -aq)" = 0:
finish
