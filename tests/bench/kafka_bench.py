"""Reading topics of a real broker (tests/kafka): throughput, CPU, memory behind a backlog, and how soon
a message is a call. Beside it, in the same minute: librdkafka alone, and libcurl alone.
"""

import contextlib
import http.server
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

import run as bench

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import kafka as local  # noqa: E402
from rdkafka import Record  # noqa: E402

PARTITIONS = 8
MEMORY_MIB = 48


def write_pipeline(folder, name, base, broker, topic, concurrency):
    path = f"{folder}/{name}.yaml"
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"""version: 1
name: {name}
source: {{kafka: {{brokers: ["{broker.bootstrap}"], topics: [{topic}]}}}}
close: {{base_url: "{base}/api/v1", api_key: {{env: CLOSE_API_KEY}}, concurrency: {concurrency}}}
routes: [{{operation: lead.create}}]
responses: {{file: {folder}/{name}.events}}
state: {folder}/state-{name}
""")
    return path


def fill(broker, folder, topic, n):
    """One file of records, each partition with its share, without a key."""
    path = f"{folder}/{topic}.records"
    bench.write_records(path, n)
    subprocess.run(["kcat", "-P", "-b", broker.bootstrap, "-t", topic, "-l", path,
                    "-X", "sticky.partitioning.linger.ms=0"], check=True)


def measure_backlog(build, folder, server, broker, n):
    bench.say(f"kafka: {n} records of {bench.RECORD_BYTES} bytes in {PARTITIONS} partitions, all durable")
    topic = broker.topic("backlog", PARTITIONS)
    fill(broker, folder, topic, n)
    alone = json.loads(subprocess.run(
        [f"{build}/tests/bench/bare_consumer", broker.bootstrap, topic, str(n)],
        check=True, capture_output=True, text=True).stdout)
    bench.say(f"  librdkafka alone: {n / alone['seconds']:.0f} records/s, "
              f"{alone['cpu_seconds'] / n * 1e6:.2f} us CPU a record, first after "
              f"{alone['first_seconds'] * 1000:.0f} ms")
    bench.results["kafka_alone"] = alone
    bench.say("  conc.  records  records/s  CPU us/rec.  curl/s  curl us   ratio  of CPU  peak MiB")
    part = n // 4
    for concurrency in (32, 256):
        name = f"kafka{concurrency}"
        pipeline = write_pipeline(folder, name, server.base, broker, topic, concurrency)
        server.counts(reset=True)
        ours = bench.run([f"{build}/connector/closefeed", "run", pipeline, "--limit", str(part)])
        counts = server.counts()
        yardstick = bench.bare(build, server, part, concurrency)
        cpu = ours["cpu_seconds"] / part * 1e6
        cpu_alone = yardstick["cpu_seconds"] / part * 1e6 + alone["cpu_seconds"] / n * 1e6
        row = {
            "concurrency": concurrency, "records": part, "records_per_s": part / ours["seconds"],
            "cpu_us_per_record": cpu, "cpu_us_alone": cpu_alone,
            "bare_calls_per_s": part / yardstick["seconds"],
            "ratio": yardstick["seconds"] / ours["seconds"], "cpu_ratio": cpu_alone / cpu,
            "peak_mib": ours["peak_mib"], "exit": ours["exit"], "writes": counts["writes"],
        }
        bench.results.setdefault("kafka", []).append(row)
        note = bench.goal(f"{name}: every record once", ours["exit"] == 0 and counts["writes"] == part)
        if concurrency <= 32:
            note += bench.goal(f"{name}: {MEMORY_MIB} MiB", ours["peak_mib"] <= MEMORY_MIB)
        bench.say(f"  {concurrency:5} {part:8} {row['records_per_s']:10.0f} {cpu:12.1f} "
                  f"{row['bare_calls_per_s']:7.0f} {cpu_alone:8.1f} {row['ratio']:7.2f} "
                  f"{row['cpu_ratio']:7.2f} {row['peak_mib']:9.1f}{note}")


class Clock(http.server.BaseHTTPRequestHandler):
    """Answers as Close does, and notes when each record came."""

    protocol_version, came = "HTTP/1.1", {}

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(404, {})

    def do_POST(self):
        now = time.monotonic()
        name = json.loads(self.rfile.read(int(self.headers["content-length"])))["name"]
        self.came[name] = now
        self.answer(200, {"id": f"lead_{name}", "name": name})


def measure_latency(build, folder, broker, n, every_s):
    topic = broker.topic("latency", PARTITIONS)
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Clock)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    pipeline = write_pipeline(
        folder, "latency", f"http://127.0.0.1:{host.server_address[1]}", broker, topic, 8)
    process = subprocess.Popen(
        [f"{build}/connector/closefeed", "run", pipeline], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={"CLOSE_API_KEY": bench.KEY, "HOME": "/nonexistent"})
    sent = {}
    with broker.producer({"linger.ms": 0, "acks": "all"}) as producer:
        for i in range(-10, n):  # the first ones are not counted: connections are made
            if i >= 0:
                sent[f"L{i}"] = time.monotonic()
            producer.send(topic, Record(json.dumps({"name": f"L{i}"}), partition=i % PARTITIONS))
            if i < 0:
                while f"L{i}" not in Clock.came and process.poll() is None:
                    producer.flush()
                    time.sleep(0.01)
            time.sleep(every_s)
        producer.flush()
    end = time.monotonic() + 30
    while sent.keys() - Clock.came.keys() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(60)
    process.kill()
    host.shutdown()
    took = sorted((Clock.came[name] - at) * 1000 for name, at in sent.items() if name in Clock.came)
    note = bench.goal("kafka latency: every record came", len(took) == n)
    p50, p99 = (took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99))
    bench.results["kafka_latency"] = {"records": len(took), "per_s": 1 / every_s, "p50_ms": p50,
                                      "p99_ms": p99, "max_ms": took[-1]}
    bench.say(f"  produce to API call, {1 / every_s:.0f} records/s, {len(took)} records: p50 {p50:.1f} ms, "
              f"p99 {p99:.1f} ms, longest {took[-1]:.1f} ms{note}")


def measure(build, folder, server, scale):
    broker = local.Broker(pathlib.Path(folder) / "kafka")
    try:
        measure_latency(build, folder, broker, 300 // scale, 0.1)  # below the quota of Close
        measure_backlog(build, folder, server, broker, 1000000 // scale)
    finally:
        broker.end()
