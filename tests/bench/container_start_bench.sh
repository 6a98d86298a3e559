# From the guest's agent to the container's first byte: by itself, by podman run from the same store,
# and from an archive, in turns; with the steps between them by the guest's clock. JSON lines; needs
# python3 and a guest in FCVM_DATA_DIR. FCVM_BUILD names the build tree, which should be a release one.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
export FCVM_RUN_NETWORK=none
exec python3 - "$FCVM_BUILD/bin/fcvm" "${1:-5}" <<'PYTHON'
import json, os, re, selectors, statistics, subprocess, sys, time

fcvm, runs = sys.argv[1], int(sys.argv[2])
# The option is none that changes anything, but only podman can translate it.
ways = {"fast": [], "podman": ["--shm-size", "64000k"], "archive": ["--image-mode", "archive"]}

def start(options):
    """Milliseconds: by the host's clock until the agent, the first byte and the end, and each step by the guest's."""
    began = time.monotonic()
    since = lambda: (time.monotonic() - began) * 1000
    process = subprocess.Popen([fcvm, "--log-level", "debug", "run", "--rm", "--cpus", "1", "--memory", "512M",
                                *options, "fcvm/hello", "echo", "hello"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    times, stages, errors = {}, [], b""
    with selectors.DefaultSelector() as selector:
        for stream in process.stdout, process.stderr:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                bytes = os.read(key.fd, 65536)
                if not bytes:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    times.setdefault("byte", since())
                else:
                    errors += bytes
                    if b"agent is there" in errors:
                        times.setdefault("agent", since())
    if process.wait() != 0:
        sys.exit(errors.decode())
    times["end"] = since()
    for at, stage in re.findall(r"guest: +([0-9.]+) s: (.*)", errors.decode()):
        stages.append((stage, float(at) * 1000))
    return times, stages

subprocess.run([fcvm, "image", "prepare", "fcvm/hello"], check=True, stdout=subprocess.DEVNULL)
found = {way: [] for way in ways}
for _ in range(runs):
    for way, options in ways.items():
        found[way].append(start(options))
medians = {}
for way, starts in found.items():
    median = lambda name: statistics.median(times[name] for times, _ in starts)
    steps = {}
    for _, stages in starts:
        for (stage, begun), (_, ended) in zip(stages, stages[1:]):
            steps.setdefault(re.sub(":.*", "", stage), []).append(ended - begun)
    medians[way] = statistics.median(times["byte"] - times["agent"] for times, _ in starts)
    print(json.dumps({"bench": "agent to the container's first byte", "way": way, "runs": runs,
                      "ms": round(medians[way]), "run_to_byte_ms": round(median("byte")), "whole_run_ms": round(median("end")),
                      "steps_ms": {step: round(statistics.median(all)) for step, all in steps.items()}}))
print(json.dumps({"bench": "times as fast", "as podman run": round(medians["podman"] / medians["fast"], 2),
                  "as an archive": round(medians["archive"] / medians["fast"], 2)}))
PYTHON
