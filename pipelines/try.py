"""Tries an example on this machine, without an account: python3 pipelines/try.py form-and-task

It starts a stand-in for Close and another host that takes whatever it gets, makes there what the
example's given.json names, copies the folder aside with the ids it got in the place of the names
(lead_Acme), runs check, preview and run, and shows which calls arrived. Where topics.json names
topics, it starts a Kafka broker, too (tests/kafka/README.md says what that needs; and kcat). Needs
closefeed on the PATH or in build/connector.
"""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
NOT_COPIED = shutil.ignore_patterns(
    "expected.json", "given.json", "host.json", "topics.json", "messages.txt", "README.md")
KAFKA = HERE.parent / "tests" / "kafka" / "kafka.sh"
SEARCH_LAG_S = 2.2  # how far the search of the stand-in is behind, as Close's is
HOOK_SECRET = "whsec_" + base64.b64encode(b"tries examples, and is no secret").decode()


def read(folder, name):
    """A JSON file of an example, or {} where it has none."""
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def with_ids(text, ids):
    """@text with the ids of objects instead of their names."""
    return re.sub(r"\b[a-z]+_[A-Z]\w*\b", lambda name: ids.get(name[0], name[0]), text)


def with_names(text, ids):
    """@text with the names of objects instead of their ids."""
    for name, id_ in ids.items():
        text = text.replace(id_, name)
    return text


def make(folder, post):
    """Makes what given.json names, from top to bottom, by post(path, body): names and their ids."""
    ids = {}
    for name, (path, body) in read(folder, "given.json").items():
        ids[name] = post(path, json.loads(with_ids(json.dumps(body), ids)))["id"]
    if re.search(r"^ +(match|link):", (folder / "pipeline.yaml").read_text("utf-8"), re.M):
        time.sleep(SEARCH_LAG_S)  # what is there already is older than that
    return ids


def place(folder, target, ids):
    """Copies what an example consists of, with ids instead of names."""
    shutil.copytree(folder, target, ignore=NOT_COPIED)
    for path in target.rglob("*"):
        if path.suffix in (".ndjson", ".yaml"):
            text = path.read_text(encoding="utf-8")
            path.write_text(with_ids(text, ids), encoding="utf-8")


def produce(folder, brokers):
    """Writes messages.txt, lines of KEY|VALUE, to the topic that topics.json says."""
    topics = read(folder, "topics.json")
    headers = [word for name, value in topics["headers"].items() for word in ("-H", f"{name}={value}")]
    subprocess.run(["kcat", "-P", "-b", brokers, "-t", topics["messages"], "-K", "|", "-Z", *headers,
                    "-l", folder / "messages.txt"], check=True)


@contextlib.contextmanager
def broker(folder, data):
    """The address of a broker with what an example reads; None where it reads no topic."""
    topics = read(folder, "topics.json").get("topics")
    if not topics:
        yield None
        return
    started = subprocess.run([KAFKA, "start", data], stdout=subprocess.PIPE, text=True, check=True)
    try:
        brokers = dict(word.split("=", 1) for word in started.stdout.split())["bootstrap"]
        for name, partitions in topics.items():
            subprocess.run([KAFKA, "topic", data, name, str(partitions)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        produce(folder, brokers)
        yield brokers
    finally:
        subprocess.run([KAFKA, "clean", data], check=False)


def refusal(folder):
    """What the other host answers to a call: host.json says what it refuses, as a pattern."""
    host = read(folder, "host.json")

    def answer(path, body):
        if path.endswith("/me/"):
            return 404, {"error": "nothing here"}
        if host and re.search(host["refuses"], f"{path}\n{body}"):
            return host["with"], host["says"]
        return 200, {"ok": True}

    return answer


class Host(http.server.BaseHTTPRequestHandler):
    """Another host: keeps the calls it gets."""

    protocol_version, calls, answer = "HTTP/1.1", [], None

    def log_message(self, *_):
        pass

    def any_method(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        status, value = self.answer(self.path, body)
        if self.command != "GET":
            self.calls.append({"method": self.command, "path": self.path, "body": body,
                               "status": status})
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = any_method


def caller(base_url, key):
    """ask(path, body=None): one call to the sandbox."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    login = "Basic " + base64.b64encode(f"{key}:".encode()).decode()

    def ask(path, body=None):
        url = base_url.removesuffix("/api/v1") if path.startswith("/_sandbox") else base_url
        request = urllib.request.Request(
            url + path, json.dumps(body).encode() if body is not None else None,
            {"Authorization": login, "Content-Type": "application/json"})
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    return ask


def tell(folder, program, env, ids, arrived):
    """Runs the example in @folder as a person would, and shows what came of it."""
    tests = ["--test", "test.yaml"] if (folder / "test.yaml").exists() else []
    end = ["--until-end"] if "KAFKA_BROKERS" in env else []
    for words in (["check", "pipeline.yaml", *tests], ["preview", "pipeline.yaml"],
                  ["run", "pipeline.yaml", *end], ["rejects", "list", "pipeline.yaml"]):
        print("\n$ closefeed", *words, flush=True)
        subprocess.run([program, *words], cwd=folder, env=env, check=False)
    print("\nwhat arrived:")
    for call in arrived():
        line = f'  {call["status"]}  {call["method"]} {call["path"]}  {call["body"]}'
        print(with_names(line.rstrip(), ids))


def main(name):
    folder = HERE / name
    if not (folder / "pipeline.yaml").exists():
        names = sorted(path.parent.name for path in HERE.glob("*/pipeline.yaml"))
        sys.exit("examples: " + " ".join(names))
    built = HERE.parent / "build" / "connector" / "closefeed"
    program = shutil.which("closefeed") or str(built)
    Host.answer = staticmethod(refusal(folder))
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as work, broker(folder, work + "/kafka") as brokers, \
            subprocess.Popen([program, "sandbox", "--port", "0", "--hook-secret", HOOK_SECRET],
                             stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            said = dict(word.split("=", 1) for word in sandbox.stdout.readline().split()[1:])
            ask = caller(said["base_url"], said["key"])
            ids, target = make(folder, ask), pathlib.Path(work) / name
            place(folder, target, ids)
            before = ask("/_sandbox/requests")["last"]
            env = {
                **os.environ, "XDG_STATE_HOME": work + "/state",
                "CLOSE_BASE_URL": said["base_url"], "CLOSE_API_KEY": said["key"],
                "HOOK_URL": said["base_url"].removesuffix("/api/v1") + "/_sandbox/hook",
                "HOOK_SECRET": HOOK_SECRET, "HOST_KEY": "key_of_another_host",
                "HOST_URL": f"http://127.0.0.1:{host.server_address[1]}",
                **({"KAFKA_BROKERS": brokers} if brokers else {}),
            }
            tell(target, program, env, ids, lambda: Host.calls + [
                call for call in ask(f"/_sandbox/requests?after={before}")["data"]
                if call["method"] != "GET" and call["path"] != "/data/search/"])
        finally:
            sandbox.terminate()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
