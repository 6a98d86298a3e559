# fcvm image: what is stored, its names, and getting rid of it; without a VM, by archives.
. "$(dirname "$0")/../support/assert.sh"
. "$(dirname "$0")/../support/image.sh"
export FCVM_DATA_DIR=$scratch/data FCVM_PATHS_RUNTIME_DIR=$scratch/run FCVM_RUN_IMAGE_MODE=archive
mkdir -p "$scratch/tree/etc"
echo one >"$scratch/tree/etc/one"
make_image "$scratch/app.tar" example.org/team/app:1 "$scratch/tree" A=b
echo two >"$scratch/tree/etc/two"
make_image "$scratch/other.tar" localhost/other:2 "$scratch/tree"
app=$(tar -xOf "$scratch/app.tar" config.json | sha256sum | cut -d ' ' -f 1)

run "$FCVM" images
check "there are none" test "$(wc -l <<<"$out")" -eq 1
run "$FCVM" image prepare "docker-archive:$scratch/app.tar"
check "prepare prints the id" test "$out" = "$app"
run "$FCVM" load -q -i "$scratch/other.tar"
check "load prints the name, in podman's words" test "$out" = "Loaded image: localhost/other:2"
other=$(tar -xOf "$scratch/other.tar" config.json | sha256sum | cut -d ' ' -f 1)
run "$FCVM" images
check "both have the names of their archives" grep -q "^example.org/team/app *1 *${app:0:12} " <<<"$out"
check "with their sizes" grep -q "^localhost/other *2 *${other:0:12} .*kB" <<<"$out"
run "$FCVM" images -q app:1
check "a name without its registry is another" test "$rc:$out" = 0:
run "$FCVM" images -q --no-trunc app
check "but a repository may be named by its end" test "$out" = "$app"
run "$FCVM" images -q --no-trunc example.org/team/app:1
check "by its name it is" test "$out" = "$app"
run "$FCVM" image ls --json
check "JSON has podman's keys" test "$(jq -r '[.[] | .Names[0]] | sort | join(" ")' <<<"$out")" = "example.org/team/app:1 localhost/other:2"
check "and true sizes" test "$(jq '.[0].Size' <<<"$out")" -eq "$(($(stat -c %b "$FCVM_DATA_DIR/images/image.archive/$(jq -r '.[0].Digest' <<<"$out" | cut -d : -f 2).tar") * 512))"
run "$FCVM" image inspect "${app:0:8}"
check "inspect has the configuration" test "$(jq -r '.[0].Config.Env[0]' <<<"$out")" = A=b
check "and its layers" test "$(jq '.[0].RootFS.Layers | length' <<<"$out")" -eq 1
run "$FCVM" image inspect nosuch
check "one that is not there is not known" contains "$err" "nosuch: image not known"
run "$FCVM" history --json other:2
check "history is a list" test "$(jq length <<<"$out")" -eq 0
run "$FCVM" history --format '{{.CreatedBy}}' other:2
check "and takes a template" test "$rc:$out" = 0:

run "$FCVM" tag other:2 mine:3 registry.example/x/y
check "tag gives names" test "$rc" -eq 0
run "$FCVM" images
check "a bare one is of localhost" grep -q "^localhost/mine *3 *${other:0:12}" <<<"$out"
check "one without a tag is the latest" grep -q "^registry.example/x/y *latest *${other:0:12}" <<<"$out"
run "$FCVM" image ls -q mine:3
check "the name leads to the image" test "$out" = "${other:0:12}"
run "$FCVM" tag other:2 Upper
check "what is no name is refused" contains "$err" "Upper"
run "$FCVM" untag other:2 registry.example/x/y
check "untag takes one away" test "$rc" -eq 0
run "$FCVM" rmi mine:3
check "rmi of one name of several" test "$out" = "Untagged: localhost/mine:3"
run "$FCVM" images -q
check "leaves the image" test "$(wc -l <<<"$out")" -eq 2
run "$FCVM" rmi other:2
check "rmi of the last removes it" contains "$out" "Deleted: $other"
check "from the disk" test "$(ls "$FCVM_DATA_DIR/images/image.archive" | grep -c tar)" -eq 1
run "$FCVM" rmi other:2
check "again it is not there: 1" test "$rc" -eq 1
run "$FCVM" rmi -i other:2
check "but with --ignore" test "$rc" -eq 0
run "$FCVM" image untag example.org/team/app:1
run "$FCVM" images
check "one without a name is shown so" grep -q "^<none> *<none> *${app:0:12}" <<<"$out"
run "$FCVM" image inspect "$app"
check "and can be looked at" test "$(jq -r '.[0].Id' <<<"$out")" = "$app"
run "$FCVM" image prune
check "prune removes it" contains "$out" "$app"
check "and says what was freed" contains "$out" "Total reclaimed space: "
run "$FCVM" images -q
check "nothing is left" test -z "$out"
check "not a file" test -z "$(ls "$FCVM_DATA_DIR/images/image.archive" | grep -v index)"

# By whatever it is called here, an image is had without asking a registry.
mkdir -p "$FCVM_CONFIG_ROOT/etc/fcvm"
printf '[plugin."image.archive"]\nskopeo = "/bin/false"\n' >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
"$FCVM" load -q -i "$scratch/other.tar" >/dev/null
"$FCVM" tag other:2 mine docker.io/library/theirs:1
for word in other:2 localhost/other:2 mine theirs:1 docker://docker.io/library/theirs:1 "${other:0:12}" "sha256:$other"; do
  run "$FCVM" image prepare "$word"
  check "$word is the image" test "$out" = "$other"
done
run "$FCVM" image prepare "sha256:$app"
check "an id that is not there is not asked for" contains "$err" "no image has this id"
check "none of them became a name" test "$("$FCVM" image inspect "$other" | jq -c '.[0].RepoTags | sort')" = \
  '["docker.io/library/theirs:1","localhost/mine:latest","localhost/other:2"]'

# load gives the names of the file again, whoever had them meanwhile.
"$FCVM" load -q -i "$scratch/app.tar" >/dev/null
"$FCVM" tag other:2 example.org/team/app:1
check "a tag takes a name away" test "$("$FCVM" images -q --no-trunc example.org/team/app:1)" = "$other"
"$FCVM" load -q -i "$scratch/app.tar" >/dev/null
check "load takes it back" test "$("$FCVM" images -q --no-trunc example.org/team/app:1)" = "$app"

run "$FCVM" untag "$app" localhost/mine
check "untag takes no other image's name" contains "$err" "is no name of image ${app:0:12}"
check "which is still there" test "$("$FCVM" images -q --no-trunc mine)" = "$other"
run "$FCVM" rmi "$other"
check "rmi by id of an image with several names takes force: 2" test "$rc" -eq 2
run "$FCVM" rmi -f mine
check "rmi -f of one name of several takes it alone" test "$out" = "Untagged: localhost/mine:latest"
run "$FCVM" save -o "$scratch/again.tar" other:2
check "saving takes skopeo, from PATH" test "$rc" -eq 0
check "and keeps the image's identity" test "$(tar -xOf "$scratch/again.tar" manifest.json | jq -r '.[0].Config[:64]')" = "$other"
check "with the name that was said" test "$(tar -xOf "$scratch/again.tar" manifest.json | jq -r '.[0].RepoTags[0]')" = localhost/other:2
run "$FCVM" save -o "$scratch/again.tar" other:2
check "an archive is not written over" contains "$err" "again.tar is there already"
check "to standard output, too" test "$("$FCVM" save -q --format oci-archive other:2 | tar -t | grep -c '^oci-layout$')" -eq 1
check "and leaves nothing behind" test "$(ls "$FCVM_DATA_DIR/builds" | wc -l)" -eq 0
mkfifo "$scratch/fifo"
tar -tf "$scratch/fifo" >"$scratch/listed" &
run "$FCVM" save -q -o "$scratch/fifo" other:2
wait $!
check "what is no file is written to" grep -q '^manifest.json$' "$scratch/listed"
check "and stays what it is" test -p "$scratch/fifo"
run "$FCVM" save -q -o "$scratch/no/such/place" other:2
check "an archive that cannot be written is an error" contains "$err" "writing $scratch/no/such/place: No such file"
check "the first digits of an id are enough" test "$("$FCVM" image prepare "${other:0:5}")" = "$other"
run "$FCVM" rmi -f "$other" "$app"
check "by force it goes with all its names" test "$rc" -eq 0
rm "$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"

# All images of an archive, and of an OCI layout, each with the names that it has there.
mkdir "$scratch/several"
tar -C "$scratch/several" -xf "$scratch/app.tar"
(cd "$scratch/several" && mv config.json app.json && mv layer.tar app.layer && mv manifest.json app.manifest)
tar -C "$scratch/several" -xf "$scratch/other.tar"
jq -cs '.[0][0] * {Config: "app.json", Layers: ["app.layer"], RepoTags: ["busybox", "example.org/app:2"]} | [., $other[0][0]]' \
  --slurpfile other "$scratch/several/manifest.json" "$scratch/several/app.manifest" >"$scratch/several/both.json"
mv "$scratch/several/both.json" "$scratch/several/manifest.json"
tar -C "$scratch/several" -cf "$scratch/several.tar" manifest.json config.json layer.tar app.json app.layer
run "$FCVM" load -q -i "$scratch/several.tar"
check "several images of one archive are loaded" test "$out" = "Loaded image: docker.io/library/busybox:latest
Loaded image: example.org/app:2
Loaded image: localhost/other:2"
check "one under its names" test "$("$FCVM" images -q --no-trunc example.org/app:2)" = "$app"
check "the other under its own" test "$("$FCVM" images -q --no-trunc other:2)" = "$other"
check "and not under the archive's" test -z "$("$FCVM" images --format '{{.Repository}}' | grep archive)"
"$FCVM" save -q --format oci-archive -o "$scratch/layout.tar" other:2
"$FCVM" rmi -f "$app" "$other" >/dev/null
run "$FCVM" load -q -i "$scratch/layout.tar"
check "an OCI archive is loaded" test "$out" = "Loaded image: localhost/other:2"
"$FCVM" rmi other:2 >/dev/null
mkdir "$scratch/layout"
tar -C "$scratch/layout" -xf "$scratch/layout.tar"
run "$FCVM" load -q -i "$scratch/layout"
check "and a directory" test "$out" = "Loaded image: localhost/other:2"
"$FCVM" rmi other:2 >/dev/null

# From standard input, and from a file that has a colon in its name.
cp "$scratch/app.tar" "$scratch/app:1.tar"
run "$FCVM" load -q -i "$scratch/app:1.tar"
check "load takes any path" test "$out" = "Loaded image: example.org/team/app:1"
run "$FCVM" rmi example.org/team/app:1
jq -c '.[0].RepoTags = null' <(tar -xOf "$scratch/app.tar" manifest.json) >"$scratch/manifest.json"
mkdir "$scratch/unnamed"
tar -C "$scratch/unnamed" -xf "$scratch/app.tar"
mv "$scratch/manifest.json" "$scratch/unnamed/manifest.json"
run bash -c 'tar -C "$1" -cf - manifest.json config.json layer.tar | "$2" load -q' sh "$scratch/unnamed" "$FCVM"
check "and standard input" test "$out" = "Loaded image: sha256:$app"
check "of which no name is kept" grep -q '^<none> *<none>' <<<"$("$FCVM" images -n)"
check "nor anything else" test -z "$(ls "$FCVM_DATA_DIR/builds")"
"$FCVM" rmi "$app" >/dev/null

# An archive that says two things, or has other layers than its configuration names, is none.
mkdir "$scratch/twice"
tar -C "$scratch/twice" -xf "$scratch/app.tar"
cp "$scratch/app.tar" "$scratch/twice.tar"
tar -C "$scratch/twice" --append -f "$scratch/twice.tar" manifest.json
run "$FCVM" load -q -i "$scratch/twice.tar"
check "two manifests are refused" contains "$err" "two members of the name manifest.json"
echo x >>"$scratch/twice/layer.tar"
tar -C "$scratch/twice" -cf "$scratch/twice.tar" manifest.json config.json layer.tar
run "$FCVM" load -q -i "$scratch/twice.tar"
check "so are other layers" contains "$err" "the image is damaged"
check "no image is there" test -z "$("$FCVM" images -q)"

xz -k "$scratch/app.tar"
run "$FCVM" load -q -i "$scratch/app.tar.xz"
check "a packed archive has its names, too" test "$out" = "Loaded image: example.org/team/app:1"
"$FCVM" rmi "$app" >/dev/null

# A name that looks like an id is none, whoever gave it.
mkdir "$scratch/posing"
make_image "$scratch/posing.tar" "docker.io/library/sha256:$(printf 'a%.0s' {1..64})" "$scratch/posing"
"$FCVM" load -q -i "$scratch/posing.tar" >/dev/null
run "$FCVM" image inspect "sha256:$(printf 'a%.0s' {1..64})"
check "an id is no image's name" contains "$err" "image not known"
"$FCVM" rmi --all >/dev/null
check "and no image is left" test -z "$("$FCVM" images -q)"

# Names are kept, so an archive gives no more than a person would.
jq -c '.[0].RepoTags = [range(5000) | "example.org/many:\(.)"]' "$scratch/twice/manifest.json" >"$scratch/many.json"
tar -C "$scratch/twice" -xf "$scratch/app.tar"
mv "$scratch/many.json" "$scratch/twice/manifest.json"
tar -C "$scratch/twice" -cf "$scratch/many.tar" manifest.json config.json layer.tar
run "$FCVM" load -q -i "$scratch/many.tar"
check "of many names some are kept" test "$("$FCVM" image inspect "$app" | jq '.[0].RepoTags | length')" -eq 64
"$FCVM" rmi -f "$app" >/dev/null

"$FCVM" load -q -i "$scratch/app.tar" >/dev/null
run "$FCVM" images --format '{{.Repository}} {{.Tag}} {{.Id}}'
check "images takes a template" test "$out" = "example.org/team/app 1 $app"
run "$FCVM" podman images -n example.org/team/app:1
check "podman's word is there, too" contains "$out" "${app:0:12}"
run "$FCVM" images --noheading
check "and no heading" test "$(wc -l <<<"$out")" -eq 1
run "$FCVM" images --format '{{.Mode}} {{.Platform}}'
check "which knows the mode and the platform" test "$out" = "archive linux/$(dpkg --print-architecture)"
run "$FCVM" images
check "and so does the table, the mode" grep -q "^example.org/team/app .* archive " <<<"$out"
run "$FCVM" images --format '{{.Repo}}'
check "of fields that there are" contains "$err" "there is no field {{.Repo}}"
run "$FCVM" image inspect -f '{{.id}} {{json .Config.Env}}' "$app"
check "so does inspect" test "$out" = "$app [\"A=b\"]"
"$FCVM" image exists "$app"
check "exists says that it is there: 0" test $? -eq 0
"$FCVM" image exists other:2
check "and that it is not: 1" test $? -eq 1
"$FCVM" rmi "$app" >/dev/null
check "info takes a template, with Go's names" test "$("$FCVM" info --format '{{.Host.Kernel}}')" = "$(uname -r)"
run "$FCVM" system df --json
check "system df has podman's keys" test "$(jq -c '[.[] | [.Type, .Total, .Active]]' <<<"$out")" = \
  '[["Images",0,0],["Containers",0,0],["Guests",0,0]]'
run "$FCVM" system df --format '{{.Type}} {{.Total}}'
check "and takes a template" test "$out" = "$(printf '%s 0\n' Images Containers Guests)"
run "$FCVM" info --json
check "info knows the host" test "$(jq -r .host.kernel <<<"$out")" = "$(uname -r)"
check "and its images" test "$(jq .store.imageStore.number <<<"$out")" -eq 0
run "$FCVM" info
check "as YAML" grep -q '^  graphRoot: "' <<<"$out"
run env PATH="$scratch/none" "$FCVM" login registry.example
check "login without skopeo says what to install" contains "$err" "apt install skopeo"
mkdir "$scratch/bin"
printf '#!/bin/sh\necho "$@"\nexit 3\n' >"$scratch/bin/skopeo"
chmod 755 "$scratch/bin/skopeo"
run env PATH="$scratch/bin:$PATH" "$FCVM" login -u me --password-stdin --tls-verify=false registry.example
check "login is skopeo's" test "$out" = "login --password-stdin=true --tls-verify=false --username=me -- registry.example"
check "with its code" test "$rc" -eq 3

# What a preparation that was killed has left goes with gc; no image does.
cache=$FCVM_DATA_DIR/images/image.archive
"$FCVM" load -q -i "$scratch/app.tar" >/dev/null
mkdir "$cache/work.dead00"
run "$FCVM" gc --dry-run
check "gc --dry-run removes nothing" test -d "$cache/work.dead00"
run "$FCVM" gc
check "gc removes unfinished work" test ! -e "$cache/work.dead00"
check "and no image" test "$("$FCVM" images -q | wc -l)" -eq 1

# One that a VM has is kept.
"$FCVM" load -q -i "$scratch/app.tar" >/dev/null
digest=$("$FCVM" image ls --json | jq -r '.[0].Digest')
mkdir -p "$FCVM_DATA_DIR/vms/feedfeedfeed"
printf '{"format":1,"id":"feedfeedfeed","name":"held","image":"x","phase":"exited","image_plugin":"image.archive","image_digest":"%s"}' \
  "$digest" >"$FCVM_DATA_DIR/vms/feedfeedfeed/vm.json"
run "$FCVM" images
check "images says who has it" grep -q "held$" <<<"$out"
run "$FCVM" rmi -f example.org/team/app:1
check "rmi does not remove it: 2" test "$rc" -eq 2
check "and says who is in the way" contains "$err" "fcvm rm held"
run "$FCVM" image prune -a
check "nor does prune" test "$("$FCVM" images -q | wc -l)" -eq 1
run "$FCVM" rm held
run "$FCVM" rmi --all
check "without it it goes" contains "$out" "Deleted: $app"
# An image without a command is refused before a VM starts, as podman refuses it.
export FCVM_PLUGIN_PATH=$FCVM_BUILD/lib/fcvm/examples FCVM_RUN_VMM=pretend FCVM_RUN_NETWORK=none
guest=$FCVM_DATA_DIR/guests/current
mkdir -p "$guest" "$scratch/bare"
touch "$guest"/{vmlinuz,initrd,base.ext4,hello.tar}
printf '{"key":"k","suite":"s","architecture":"a","kernel":{"version":"6","source":"x"},"agent":{"sha256":"0"},"files":{}}' \
  >"$guest/guest.json"
tar -C "$scratch/bare" -xf "$scratch/app.tar"
jq -c 'del(.config.Cmd)' "$scratch/bare/config.json" >"$scratch/config.json"
mv "$scratch/config.json" "$scratch/bare/config.json"
tar -C "$scratch/bare" -cf "$scratch/bare.tar" manifest.json config.json layer.tar
run "$FCVM" run --rm "docker-archive:$scratch/bare.tar"
check "an image without a command fails with 125" test "$rc" -eq 125
check "in podman's words" contains "$err" "no command or entrypoint provided, and no CMD or ENTRYPOINT from image"
run "$FCVM" run --rm --entrypoint '' "docker-archive:$scratch/app.tar"
check "so does one whose command is taken away" contains "$err" "no command or entrypoint provided"
check "no VM is left" test -z "$("$FCVM" ls -aq)"
finish
