# What an image costs: its first start by each mode, every later one, its share of the host's time, and
# what ten VMs of one image take together. JSON lines; needs python3, skopeo and a guest in FCVM_DATA_DIR.
# image_bench.sh [MEGABYTES...] (60 by default). VMS=N is how many run at once (10; 0: none).
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
export FCVM_RUN_NETWORK=none VMS=${VMS:-10}
exec python3 - "$FCVM_BUILD/bin/fcvm" "$@" <<'PYTHON'
import hashlib, io, json, os, random, statistics, subprocess, sys, tarfile, tempfile, time

fcvm, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]] or [60]

def fcvm_run(*words, **options):
    return subprocess.run([fcvm, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

def milliseconds(*words):
    began = time.monotonic()
    fcvm_run(*words)
    return (time.monotonic() - began) * 1000

def show(what, **figures):
    print(json.dumps({"bench": what, **{name: round(value) for name, value in figures.items()}}), flush=True)

def make_image(path, name, megabytes):
    """fcvm/hello with as much besides: half of it in files of 8 KiB, half in files of 4 MiB, by halves random."""
    hello = os.path.join(os.environ["FCVM_DATA_DIR"], "guests/current/hello.tar")
    with tarfile.open(hello) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        config = json.load(archive.extractfile(manifest["Config"]))
        layers = [archive.extractfile(layer).read() for layer in manifest["Layers"]]
    some = random.Random(megabytes)
    more = io.BytesIO()
    with tarfile.open(fileobj=more, mode="w") as layer:
        for size, total in ((8 << 10, megabytes << 19), (4 << 20, megabytes << 19)):
            for number in range(total // size):
                member = tarfile.TarInfo(f"data/{size}/{number // 256}/{number}")
                member.size = size
                layer.addfile(member, io.BytesIO(some.randbytes(size // 2) + bytes(size // 2)))
    layers.append(more.getvalue())
    config["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    config.pop("history", None)
    with tarfile.open(path, "w") as archive:
        def add(member, content):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        files = [f"{number}.tar" for number in range(len(layers))]
        add("manifest.json", json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": files}]).encode())
        add("config.json", json.dumps(config).encode())
        for file, layer in zip(files, layers):
            add(file, layer)

run = ["run", "--rm", "--cpus", "1", "--memory", "512M"]

def measure(megabytes, scratch):
    path, name = f"{scratch}/{megabytes}.tar", f"localhost/bench-{megabytes}:1"
    make_image(path, name, megabytes)
    reference = f"docker-archive:{path}"
    first, later = {}, {}
    for mode in "archive", "overlay", "btrfs":
        words = [*run, "--image-mode", mode, reference, "true"]
        first[mode] = milliseconds(*words)
        later[mode] = statistics.median(milliseconds(*words) for _ in range(3))
    hello = statistics.median(milliseconds(*run, "fcvm/hello", "true") for _ in range(3))
    for mode in first:
        show(f"an image of {megabytes} MB by {mode}", first_ms=first[mode], later_ms=later[mode],
             hello_ms=hello, first_percent_of_archive=100 * first[mode] / first["archive"],
             later_percent_of_hello=100 * later[mode] / hello)
    known = [milliseconds("image", "prepare", name) for _ in range(20)]
    show(f"all that the host does for a known image of {megabytes} MB", median_ms=statistics.median(known))
    stored = json.loads(fcvm_run("image", "inspect", name).stdout)[0]["Size"]
    show(f"a store of an image of {megabytes} MB", megabytes=stored / 1e6)
    return name

def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))

def together(name, count):
    """Each reads all of the image, so that it is in the memory of each guest."""
    names = [f"image-bench-{number}" for number in range(count)]
    try:
        for one in names:
            fcvm_run("run", "-d", "--cpus", "1", "--memory", "1G", "--name", one, name, "sleep", "100000")
        guests = []
        for one in names:
            fcvm_run("exec", one, "sh", "-c", "cat /data/*/*/* >/dev/null 2>&1 || true")
            text = fcvm_run("exec", "--vm", one, "cat", "/proc/meminfo").stdout
            guests.append(next(int(line.split()[1]) for line in text.splitlines() if line.startswith("MemAvailable:")))
        pids = [int(fcvm_run("inspect", "--format", "{{.State.Pid}}", one).stdout) for one in names]
        show(f"{count} VMs of {name}", vmm_pss_sum_mb=sum(map(pss, pids)) / 1024,
             guest_available_median_mb=statistics.median(guests) / 1024)
    finally:
        subprocess.run([fcvm, "rm", "--force", "--ignore", *names], stdout=subprocess.DEVNULL)

with tempfile.TemporaryDirectory(prefix="fcvm-image-bench.") as scratch:
    try:
        for megabytes in sizes:
            name = measure(megabytes, scratch)
        if int(os.environ["VMS"]) > 0:
            together(name, int(os.environ["VMS"]))
    finally:
        for megabytes in sizes:
            for mode in "overlay", "archive", "btrfs":
                subprocess.run([fcvm, "rmi", "--force", "--ignore", f"localhost/bench-{megabytes}:1"],
                               stdout=subprocess.DEVNULL)
PYTHON
