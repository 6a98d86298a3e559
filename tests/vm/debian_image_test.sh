# Images of real software, with many layers, and large ones, in all modes. Nightly: it takes its time.
. "$(dirname "$0")/machine.sh"
[ "$(id -u)" -eq 0 ] || { echo "this test has to be run as root, for mmdebstrap" >&2; exit 77; }

shared=$FCVM_DATA_DIR
export FCVM_DATA_DIR=$scratch/data
mkdir -p "$FCVM_DATA_DIR"
ln -s "$shared/guests" "$FCVM_DATA_DIR/guests"

# image FILE NAME CONFIG LAYER...: a docker-archive.
image() {
  python3 - "$@" <<'PYTHON'
import hashlib, io, json, sys, tarfile
path, name, config, *layers = sys.argv[1:]
def digest(file):
    sum = hashlib.sha256()
    with open(file, "rb") as opened:
        while block := opened.read(1 << 20):
            sum.update(block)
    return "sha256:" + sum.hexdigest()
document = {"architecture": "amd64", "os": "linux", "config": json.loads(config),
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}}
with tarfile.open(path, "w") as archive:
    def add(member, content):
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": [name],
                                      "Layers": [f"{number}.tar" for number in range(len(layers))]}]).encode())
    add("config.json", json.dumps(document).encode())
    for number, layer in enumerate(layers):
        archive.add(layer, f"{number}.tar")
PYTHON
}

mmdebstrap --quiet --variant=essential --include=nginx-light,postgresql --aptopt='Apt::Install-Recommends "false"' \
  "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$scratch/debian.tar" ||
  { echo "mmdebstrap cannot make the tree" >&2; exit 77; }
image "$scratch/debian-image.tar" example.org/debian:1 '{"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["sh"]}' "$scratch/debian.tar"
rm "$scratch/debian.tar"

# Each serves a page from nginx and a row from PostgreSQL, which wants shared memory, users and fsync.
script='set -e
mkdir -p /var/lib/nginx /run/postgresql; chown postgres /run/postgresql
echo "a page" >/var/www/html/page; nginx
bin=$(echo /usr/lib/postgresql/*/bin)
su postgres -c "$bin/initdb -D /var/lib/postgresql/data >/dev/null && $bin/pg_ctl -w -D /var/lib/postgresql/data start >/dev/null"
su postgres -c "psql -Atc \"select 6 * 7\""
exec sleep 1000'
for mode in overlay btrfs archive; do
  name=$(named "$mode")
  run "$FCVM" run -d --cpus 2 -m 1g --rootfs-size 4G --image-mode "$mode" --name "$name" "docker-archive:$scratch/debian-image.tar" sh -c "$script"
  check "$mode: Debian with nginx and PostgreSQL starts" test "$rc" -eq 0
  answered() { "$FCVM" logs "$name" | grep -qx 42; }
  check "$mode: PostgreSQL answers" wait_for 300 answered
  run "$FCVM" exec "$name" bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET /page HTTP/1.0\r\n\r\n" >&3; cat <&3'
  check "$mode: nginx answers" contains "$out" "a page"
  "$FCVM" rm -f "$name" >/dev/null
done

# Sixty layers, each of which changes one file and adds one.
mkdir "$scratch/hello" "$scratch/layer"
tar -xOf "$FCVM_DATA_DIR/guests/current/hello.tar" --wildcards '*.tar' >"$scratch/0.tar"
layers=("$scratch/0.tar")
for number in $(seq 59); do
  echo "$number" >"$scratch/layer/changed"
  echo "$number" >"$scratch/layer/of-$number"
  tar -C "$scratch/layer" -cf "$scratch/$number.tar" changed "of-$number"
  layers+=("$scratch/$number.tar")
done
image "$scratch/sixty.tar" example.org/sixty:1 '{"Env":["PATH=/bin"],"Cmd":["sh"]}' "${layers[@]}"
for mode in overlay btrfs archive; do
  run vm --rm --image-mode "$mode" "docker-archive:$scratch/sixty.tar" sh -c 'cat /changed; ls -d /of-* | wc -l'
  check "$mode: sixty layers are one tree" test "$(tr '\n' ' ' <<<"$out")" = "59 59 "
done

# A gigabyte, which cannot be compressed.
head -c 1G /dev/urandom >"$scratch/layer/large"
sum=$(sha256sum <"$scratch/layer/large")
tar -C "$scratch/layer" -cf "$scratch/large-layer.tar" large
rm "$scratch/layer/large"
image "$scratch/large.tar" example.org/large:1 '{"Env":["PATH=/bin"],"Cmd":["sh"]}' "$scratch/0.tar" "$scratch/large-layer.tar"
rm "$scratch/large-layer.tar"
for mode in overlay btrfs; do
  run "$FCVM" run --cpus 2 -m 1g --rootfs-size 4G --rm --image-mode "$mode" "docker-archive:$scratch/large.tar" sha256sum /large
  check "$mode: a gigabyte arrives whole" test "${out%% *}" = "${sum%% *}"
done
check "nothing is left" nothing_left none-such
finish
