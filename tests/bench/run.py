#!/usr/bin/env python3
"""Measures closefeed against a local server that answers at once, beside libcurl alone.

  tests/bench/run.py --build build-release [--quick] [--only start,calls,preview,memory,kafka]

Build with --buildtype=release and without sanitizers. Each row of calls is measured next to a bare
libcurl loop at the same concurrency in the same minute; what counts is the ratio. Prints a table on
standard error and one JSON object on standard output. Exit code 1: a goal was missed. The part kafka
needs what the tests need (sh packaging/packages.sh tests), and is left out unless it is named.
"""

import argparse
import contextlib
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

KEY = "api_bench.key"
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RECORD_BYTES = 400

goals_missed = []
results = {"calls": [], "preview": []}


def say(text):
    print(text, file=sys.stderr, flush=True)


def goal(name, holds):
    if not holds:
        goals_missed.append(name)
    return "" if holds else "  <- missed"


class Server:
    """The fast server in a process of its own, on a core of its own where there are two."""

    def __init__(self, build):
        self.process = subprocess.Popen([f"{build}/tests/bench/fast_server"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split("port=")[1])
        self.base = f"http://127.0.0.1:{self.port}"

    def counts(self, reset=False):
        request = urllib.request.Request(f"{self.base}/_bench", method="POST" if reset else "GET")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def stop(self):
        self.process.kill()
        self.process.wait()


def write_records(path, n, first=0):
    """n records of RECORD_BYTES bytes with their line end."""
    with open(path, "a", encoding="ascii", buffering=1 << 20) as out:
        for i in range(first, first + n):
            head = f'{{"name":"Company {i:09d}","url":"https://c{i}.example.com","description":"'
            out.write(head + "x" * (RECORD_BYTES - 3 - len(head)) + '"}\n')


def write_pipeline(folder, name, server, source, concurrency=8, responses=None, route=None, top=""):
    text = f"""version: 1
name: {name}
source: {{ndjson: {{path: "{source}"}}}}
close:
  base_url: {server.base}/api/v1
  api_key: {{env: CLOSE_API_KEY}}
  concurrency: {concurrency}
{top}
routes:
{route or "  - operation: lead.create"}
state: {folder}/state-{name}
"""
    if responses:
        text += "responses:\n" + responses
    path = f"{folder}/{name}.yaml"
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


class PeakMemory(threading.Thread):
    """Samples VmHWM, since ru_maxrss also counts the memory of the process that started it: ours."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.kib = f"/proc/{pid}/status", 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ProcessLookupError):
            while True:
                with open(self.path, encoding="ascii") as status:
                    peak = [line for line in status if line.startswith("VmHWM")]
                if not peak:
                    return
                self.kib = int(peak[0].split()[1])
                time.sleep(0.01)


def run(arguments, stdout=subprocess.DEVNULL):
    """Runs a program; gives its wall and CPU seconds, its peak memory in MiB and its exit code."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "CLOSE_API_KEY": KEY, "HOOK_SECRET": SECRET}
    with tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(arguments, stdout=stdout, stderr=errors, env=environment)
        peak = PeakMemory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            say(errors.read()[-2000:].decode(errors="replace"))
    return {
        "exit": process.returncode,
        "seconds": took,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": peak.kib / 1024,
        "began_ms": began * 1000,
    }


def bare(build, server, calls, concurrency):
    out = subprocess.run([f"{build}/tests/bench/bare_loop", f"{server.base}/api/v1/lead/", str(calls),
                          str(concurrency), str(RECORD_BYTES)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


SINKS = {
    # name: (responses of the pipeline, least share of the bare loop at 256, least calls/s at 256)
    "file": ("  file: {folder}/{name}.events\n", 0.55, 20000),
    "webhook": ("  webhook: {{url: \"{base}/hook\", secret: {{env: HOOK_SECRET}}}}\n", 0.35, 0),
}


def measure_calls(build, folder, server, n):
    say(f"calls: {n} records of {RECORD_BYTES} bytes, all durable")
    say("  sink     conc.   calls/s  CPU us/rec.   bare/s  bare us   ratio  of CPU  peak MiB")
    source = f"{folder}/calls.ndjson"
    write_records(source, n)
    for sink, (responses, least_ratio, least_rate) in SINKS.items():
        for concurrency in (8, 64, 256):
            name = f"{sink}{concurrency}"
            text = responses.format(folder=folder, name=name, base=server.base)
            pipeline = write_pipeline(folder, name, server, source, concurrency, text)
            server.counts(reset=True)
            ours = run([f"{build}/connector/closefeed", "run", pipeline])
            counts = server.counts()
            yardstick = bare(build, server, n, concurrency)
            row = {
                "sink": sink,
                "concurrency": concurrency,
                "calls_per_s": n / ours["seconds"],
                "cpu_us_per_record": ours["cpu_seconds"] / n * 1e6,
                "bare_calls_per_s": n / yardstick["seconds"],
                "bare_cpu_us_per_call": yardstick["cpu_seconds"] / n * 1e6,
                "ratio": yardstick["seconds"] / ours["seconds"],
                "cpu_ratio": yardstick["cpu_seconds"] / ours["cpu_seconds"],  # steadier on a busy machine
                "peak_mib": ours["peak_mib"],
                "exit": ours["exit"],
                "writes": counts["writes"],
                "hooks": counts["hooks"],
            }
            results["calls"].append(row)
            is_right = ours["exit"] == 0 and counts["writes"] == n and counts["hooks"] in (0, n)
            note = goal(f"{name}: every record once", is_right)
            if concurrency == 256:
                note += goal(f"{name}: {least_ratio} of bare", row["ratio"] >= least_ratio)
                note += goal(f"{name}: {least_rate} calls/s", row["calls_per_s"] >= least_rate)
            say(f"  {sink:8} {concurrency:5} {row['calls_per_s']:9.0f} {row['cpu_us_per_record']:12.1f} "
                f"{row['bare_calls_per_s']:8.0f} {row['bare_cpu_us_per_call']:8.1f} {row['ratio']:7.2f} "
                f"{row['cpu_ratio']:7.2f} {row['peak_mib']:9.1f}{note}")


def measure_memory_and_restart(build, folder, server, n):
    say(f"memory and restart: {n} records of {RECORD_BYTES} bytes, concurrency 32")
    source = f"{folder}/long.ndjson"
    write_records(source, n)
    pipeline = write_pipeline(folder, "long", server, source, 32, f"  file: {folder}/long.events\n")
    server.counts(reset=True)
    whole = run([f"{build}/connector/closefeed", "run", pipeline])
    counts = server.counts()
    results["memory"] = {"records": n, "peak_mib": whole["peak_mib"], "seconds": whole["seconds"],
                         "exit": whole["exit"], "writes": counts["writes"],
                         "state_mib": folder_bytes(f"{folder}/state-long") / 2**20}
    note = goal("memory: every record once", whole["exit"] == 0 and counts["writes"] == n)
    note += goal("memory: 32 MiB", whole["peak_mib"] <= 32)
    say(f"  peak {whole['peak_mib']:.1f} MiB, {n / whole['seconds']:.0f} records/s, "
        f"state {results['memory']['state_mib']:.1f} MiB{note}")

    write_records(source, 1, first=n)
    server.counts(reset=True)
    again = run([f"{build}/connector/closefeed", "run", pipeline])
    counts = server.counts()
    first = counts["first_ms"] - again["began_ms"] if counts["first_ms"] else None
    results["restart"] = {"settled_records": n, "first_connect_ms": first, "seconds": again["seconds"],
                          "exit": again["exit"], "writes": counts["writes"]}
    is_right = again["exit"] == 0 and counts["writes"] == 1 and first is not None
    note = goal("restart: only the new record", is_right) + goal("restart: 2 s", is_right and first <= 2000)
    say(f"  restart: first connection after {first or -1:.0f} ms, {counts['writes']} sent{note}")


def folder_bytes(path):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def measure_start(build, folder, server):
    source = f"{folder}/one.ndjson"
    write_records(source, 1)
    times = []
    for i in range(5):
        pipeline = write_pipeline(folder, f"start{i}", server, source, 8, f"  file: {folder}/start{i}.events\n")
        server.counts(reset=True)
        ours = run([f"{build}/connector/closefeed", "run", pipeline])
        times.append(server.counts()["first_ms"] - ours["began_ms"])
    results["start_ms"] = sorted(times)[len(times) // 2]
    say(f"start: first connection after {results['start_ms']:.0f} ms (median of {len(times)}, new state)")


PREVIEWS = [
    # name, route, top-level keys, least records/s
    ("pass-through", "  - operation: lead.create", "", 150000),
    ("templates", '  - operation: lead.create\n    body: {name: "{name}", url: "{url}", description: "{name} of {url}: {description}"}',
     "", 60000),
    ("jq", "  - operation: lead.create", "transform: '. + {name: (.name | ascii_upcase)}'", 12000),
]


def measure_preview(build, folder, server, n):
    say(f"preview: {n} records of {RECORD_BYTES} bytes, --json to nowhere")
    source = f"{folder}/preview.ndjson"
    write_records(source, n)
    for name, route, top, least in PREVIEWS:
        pipeline = write_pipeline(folder, name, server, source, route=route, top=top)
        ours = run([f"{build}/connector/closefeed", "preview", pipeline, "-n", str(n), "--json"])
        rate = 0 if ours["exit"] else n / ours["seconds"]
        results["preview"].append({"name": name, "records_per_s": rate, "exit": ours["exit"],
                                   "peak_mib": ours["peak_mib"]})
        note = goal(f"preview {name}: {least}/s", rate >= least)
        say(f"  {name:14} {rate:9.0f} records/s, exit {ours['exit']}, peak {ours['peak_mib']:.1f} MiB{note}")


def machine():
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), model)
    return {"cpu": model, "cores": os.cpu_count(), "load": os.getloadavg()[0], "kernel": platform.release()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True, help="build folder (release, no sanitizers)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    parser.add_argument("--only", default="start,calls,preview,memory", help="comma-separated parts")
    parser.add_argument("--folder", help="where state and data go (default: a new temporary folder)")
    options = parser.parse_args()
    build, parts = os.path.abspath(options.build), options.only.split(",")
    scale = 10 if options.quick else 1
    results["machine"] = machine()
    server = Server(build)
    try:
        with tempfile.TemporaryDirectory(prefix="closefeed-bench-", dir=options.folder) as folder:
            if "start" in parts:
                measure_start(build, folder, server)
            if "calls" in parts:
                measure_calls(build, folder, server, 200000 // scale)
            if "preview" in parts:
                measure_preview(build, folder, server, 300000 // scale)
            if "memory" in parts:
                measure_memory_and_restart(build, folder, server, 1000000 // scale)
            if "kafka" in parts:
                sys.modules["run"] = sys.modules[__name__]  # the goals and results are these here
                importlib.import_module("kafka_bench").measure(build, folder, server, scale)
    finally:
        server.stop()
    results["goals_missed"] = goals_missed
    print(json.dumps(results, indent=1))
    return 1 if goals_missed else 0


if __name__ == "__main__":
    sys.exit(main())
