# Gates: from when the condition holds, which the container's log has by the host's clock, until
# `fcvm run -d` returns; and what a gate that waits costs of a core. JSON lines; needs python3 and a
# guest in FCVM_DATA_DIR. FCVM_BUILD names the build tree, which should be a release one.
set -eu
: "${FCVM_BUILD:?set FCVM_BUILD to a build tree}" "${FCVM_DATA_DIR:?set FCVM_DATA_DIR to where fcvm setup made a guest}"
export FCVM_RUN_NETWORK=none
exec python3 - "$FCVM_BUILD/bin/fcvm" "${1:-5}" <<'PYTHON'
import datetime, json, os, statistics, subprocess, sys, time

fcvm, runs = sys.argv[1], int(sys.argv[2])
# The container makes the condition true, and says so in the same breath.
server = "mkdir -p /www; httpd -p 127.0.0.1:8080 -h /www; sleep 2; echo well >/www/health; echo up; sleep 600"
gates = {
    "http": "mode=http,url=http://localhost:8080/health,status=200",
    "log": "mode=log,pattern=^up$",
    "exec": "mode=exec,command=[\"test\",\"-e\",\"/www/health\"]",
}
never = {
    "none": None,
    "http": "mode=http,url=http://localhost:8080/missing,status=200",
    "log": "mode=log,pattern=never",
    "exec": "mode=exec,command=[\"test\",\"-e\",\"/missing\"]",
    "vsock": "mode=vsock,port=9",
}

def options(gate):
    return ["--wait-ready", gate] if gate else []

def start(name, gate, **keywords):
    return subprocess.Popen([fcvm, "run", "-d", "--name", name, "--cpus", "1", "--memory", "512M", *options(gate),
                             "fcvm/hello", "sh", "-c", server], stdout=subprocess.DEVNULL, **keywords)

def remove(name):
    subprocess.run([fcvm, "rm", "-f", name], stdout=subprocess.DEVNULL, check=True)

def said_up(name):
    """When the line came, in seconds since 1970."""
    inspected = json.loads(subprocess.check_output([fcvm, "inspect", name]))[0]
    for line in open(inspected["Fcvm"]["Paths"]["ContainerLog"]):
        stamp, _, _, text = line.rstrip("\n").split(" ", 3)
        if text == "up":
            seconds, rest = stamp.split(".")
            moment = datetime.datetime.fromisoformat(seconds + "+00:00").timestamp()
            return moment + float("0." + rest.split("+")[0])
    return None

def latency(mode):
    name = f"bench-{mode}-{os.getpid()}"
    if start(name, gates[mode]).wait() != 0:
        sys.exit(f"{mode}: it did not become ready")
    returned = time.time()
    up = said_up(name)
    remove(name)
    return (returned - up) * 1000

def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

def running(name):
    """Its supervisor, once the container runs."""
    while True:
        inspected = subprocess.run([fcvm, "inspect", name], capture_output=True)
        if inspected.returncode == 0:
            vm = json.loads(inspected.stdout)[0]
            if vm["State"]["Status"] == "running":
                return vm["Fcvm"]["SupervisorPid"]
        time.sleep(0.2)

def cost(mode, seconds=10):
    """Percent of a core that the supervisor takes while the gate waits."""
    name = f"bench-{mode}-{os.getpid()}"
    waiting = start(name, never[mode], stderr=subprocess.DEVNULL)
    pid = running(name)
    time.sleep(3)  # past the start, and the line that comes after two seconds
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    used = (cpu_seconds(pid) - before) / (time.monotonic() - began) * 100
    remove(name)
    waiting.wait()
    return used

for mode in gates:
    times = sorted(latency(mode) for _ in range(runs))
    print(json.dumps({"bench": "readiness_latency", "mode": mode, "runs": runs,
                      "p50_ms": round(statistics.median(times), 1), "max_ms": round(times[-1], 1)}), flush=True)
for mode in never:
    print(json.dumps({"bench": "readiness_cost", "mode": mode, "percent_of_a_core": round(cost(mode), 2)}), flush=True)
PYTHON
