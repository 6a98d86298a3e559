# Images made to hurt: what leaves its place, what fills the disk, too many files. Nightly: it takes its time.
. "$(dirname "$0")/machine.sh"

shared=$FCVM_DATA_DIR
export FCVM_DATA_DIR=$scratch/data
mkdir -p "$FCVM_DATA_DIR"
ln -s "$shared/guests" "$FCVM_DATA_DIR/guests"
builders() { ls "$FCVM_DATA_DIR/builds" 2>/dev/null | wc -l; }
works() { parts "$FCVM_DATA_DIR"/images/*/work.* "$FCVM_DATA_DIR"/images/*/*.part; }
parts() { ls -d "$@" 2>/dev/null | wc -l; }

# hostile KIND FILE: fcvm/hello with a layer of that kind upon it, as an archive.
hostile() {
  python3 - "$1" "$2" "$FCVM_DATA_DIR/guests/current/hello.tar" <<'PYTHON'
import hashlib, io, json, os, sys, tarfile

kind, path, hello = sys.argv[1:]
work = path + ".layer"

def member(layer, name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    layer.addfile(info, io.BytesIO(content))

with tarfile.open(work, "w") as layer:
    if kind == "outside":
        member(layer, "../../../../../../escaped", b"dots")
        member(layer, "/escaped-too", b"root")
        member(layer, "way", type=tarfile.SYMTYPE, linkname="/../../../../../../etc")
        member(layer, "way/escaped", b"through a link")
        member(layer, "hard", type=tarfile.LNKTYPE, linkname="../../../../etc/passwd")
    elif kind == "million":
        for number in range(1_000_000):
            member(layer, f"many/{number // 1000}/{number}")
    elif kind == "deep":
        member(layer, "/".join(["d" * 200] * 200) + "/file", b"deep")
    elif kind == "zeros":
        info = tarfile.TarInfo("zeros")
        info.size = 10 << 30
        class Zeros:
            def read(self, count):
                return bytes(count)
        layer.addfile(info, Zeros())

def digest(file):
    sum = hashlib.sha256()
    with open(file, "rb") as opened:
        while block := opened.read(1 << 20):
            sum.update(block)
    return sum.hexdigest()

with tarfile.open(hello) as archive:
    manifest = json.load(archive.extractfile("manifest.json"))[0]
    config = json.load(archive.extractfile(manifest["Config"]))
    base = archive.extractfile(manifest["Layers"][0]).read()
config["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(base).hexdigest(), "sha256:" + digest(work)]
config.pop("history", None)
with tarfile.open(path, "w:gz" if kind == "zeros" else "w", **({"compresslevel": 1} if kind == "zeros" else {})) as archive:
    def add(name, content):
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": [f"example.org/{kind}:1"],
                                      "Layers": ["base.tar", "layer.tar"]}]).encode())
    add("config.json", json.dumps(config).encode())
    add("base.tar", base)
    archive.add(work, "layer.tar")
os.unlink(work)
PYTHON
}

# refused_or_run KIND COMMAND...: what podman makes of it in the builder is its business; the host is not touched.
refused_or_run() {
  local kind=$1
  shift
  hostile "$kind" "$scratch/$kind.tar"
  run vm --rm --name "$(named "$kind")" "docker-archive:$scratch/$kind.tar" "$@"
  check "$kind: it runs, or an error says why not" test "$rc" -eq 0 -o -n "$(grep '^fcvm: ' <<<"$err")"
  check "$kind: no builder is left" test "$(builders)" -eq 0
  check "$kind: and no half-made store" test "$(works)" -eq 0
  rm "$scratch/$kind.tar"
}

refused_or_run outside sh -c 'ls /escaped /escaped-too /etc/escaped; true'
check "nothing has left its place" test ! -e /escaped -a ! -e /escaped-too -a ! -e /etc/escaped
check "nor gone into fcvm's own" test -z "$(find "$FCVM_DATA_DIR" -name 'escaped*')"
refused_or_run deep true
refused_or_run million sh -c 'ls /many | wc -l'

hostile zeros "$scratch/zeros.tar.gz"
room() { df --output=avail -m "$FCVM_DATA_DIR" | tail -n 1; }
before=$(room)
run vm --rm --set image.overlay.largest-archive=4096 "docker-archive:$scratch/zeros.tar.gz" true
check "ten gigabytes of zeros are refused" test "$rc" -eq 125
check "by the limit" contains "$err" "unpacks to more than 4096 MiB"
check "no builder had them" test "$(builders)" -eq 0
check "and no room is lost" test "$(room)" -gt $((before - 200))

hello=$(named hello)
run vm --rm --name "$hello" fcvm/hello true
check "after all this others run" test "$rc" -eq 0
check "nothing is left" nothing_left "$hello"
finish
