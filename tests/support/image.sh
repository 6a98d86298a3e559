# make_image FILE NAME DIRECTORY [ENV...]: a docker-archive of one layer, which is DIRECTORY's tree as
# root's. Sourced by tests that need more in a container than fcvm/hello has; needs jq.
make_image() {
  local file=$1 name=$2 tree=$3 work digest
  shift 3
  work=$(mktemp -d "$scratch/image.XXXXXX")
  tar -C "$tree" --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" .
  digest=$(sha256sum <"$work/layer.tar" | cut -c1-64)
  jq -nc --arg arch "$(dpkg --print-architecture)" --arg digest "sha256:$digest" '{architecture: $arch,
    os: "linux", created: "1970-01-01T00:00:00Z", config: {Env: $ARGS.positional, Cmd: ["/bin/sh"]},
    rootfs: {type: "layers", diff_ids: [$digest]}}' --args "$@" >"$work/config.json"
  jq -nc --arg name "$name" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' \
    >"$work/manifest.json"
  tar -C "$work" -cf "$file" manifest.json config.json layer.tar
  rm -r "$work"
}

# with_programs DIRECTORY PROGRAM...: the host's own programs, with the libraries that they load.
with_programs() {
  local tree=$1 program library
  shift
  for program in "$@"; do
    program=$(readlink -f "$(command -v "$program")")
    install -D "$program" "$tree/bin/${program##*/}"
    for library in $(ldd "$program" | grep -o '/[^ ]*'); do
      install -D "$(readlink -f "$library")" "$tree$library"
    done
  done
}

# hello_tree DIRECTORY: what fcvm/hello has, to build upon.
hello_tree() {
  mkdir -p "$1"
  tar -xOf "$FCVM_DATA_DIR/guests/current/hello.tar" --wildcards '*.tar' | tar -C "$1" -xf -
}
