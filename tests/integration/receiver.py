"""A web server in the test's own process: a receiver of events, or a Close that does what it is told.

It keeps every call with its bytes, and answers what the test's function says. Everything is under
one lock, so a test may look at `calls` while the server works.
"""

import base64
import dataclasses
import hashlib
import hmac
import http.server
import json
import threading
import time


@dataclasses.dataclass
class Call:
    """One request as it came, and how it was answered."""

    n: int  # from 0, of all calls to the server
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes
    came: float
    left: float = 0.0  # when the answer was on its way; 0: not yet
    status: int = 0

    @property
    def json(self):
        return json.loads(self.body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the other side went away: tests kill it on purpose

    def any_method(self):
        owner = self.server.owner
        length = int(self.headers.get("content-length") or 0)
        call = owner.take(self.command, self.path, self.headers, self.rfile.read(length))
        status, headers, body = owner.answer_to(call)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        call.status, call.left = status, time.monotonic()
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = any_method


class Server:
    """Listens on a free port of 127.0.0.1 while its `with` lasts.

    @answer takes a Call and returns a status, or (status, body), or (status, body, headers); a body
    that is no bytes goes as JSON. It may wait: every call has a thread of its own.
    """

    def __init__(self, answer=lambda call: 200):
        self.answer, self.calls, self.lock = answer, [], threading.Lock()
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads, self.http.owner = True, self
        self.origin = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.url = self.origin + "/hook"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def take(self, method, path, headers, body):
        with self.lock:
            call = Call(len(self.calls), method, path,
                        {name.lower(): value for name, value in headers.items()}, body,
                        time.monotonic())
            self.calls.append(call)
        return call

    def answer_to(self, call):
        told = self.answer(call)
        told = told if isinstance(told, tuple) else (told,)
        status, body, headers = told + (b"", {})[len(told) - 1:]
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"content-type": "application/json", **headers}
        return status, headers, body

    def events(self):
        """Every event that came, repeats included."""
        return [call.json for call in self.calls if call.method == "POST"]

    def accepted(self):
        """Events answered with a 2xx."""
        return [call.json for call in self.calls if call.method == "POST" and call.status // 100 == 2]


def is_signed(call, secret):
    """Whether one of the signatures of a delivery was made with @secret (Standard Webhooks)."""
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    text = f'{call.headers["webhook-id"]}.{call.headers["webhook-timestamp"]}.'.encode() + call.body
    mac = "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    return mac in call.headers["webhook-signature"].split(" ")


ME = {"id": "user_1", "organizations": [{"id": "orga_1", "name": "Test"}]}


def close_that(answer):
    """The answers of a Close of one organization; @answer has the calls that are not GET /me/."""
    return lambda call: (200, ME) if call.path.endswith("/me/") else answer(call)


class SlowClose:
    """A Close whose creates wait for a gate, so that a run is on its way for as long as needed."""

    def __init__(self):
        self.gate, self.names = threading.Event(), []
        self.server = Server(close_that(self.answer))

    def answer(self, call):
        self.names.append(call.json["name"])
        n = len(self.names)
        self.gate.wait(180)
        return 200, {"id": f"lead_{n}", **call.json}

    def stand_in(self, path, sandbox):
        """It gets the calls of a pipeline that was written for @sandbox."""
        path.write_text(path.read_text().replace(sandbox.base_url, self.server.origin + "/api/v1"))
        return path


class HeldBack:
    """Passes calls on to a sandbox: those that @holds(call) says wait for the gate before."""

    def __init__(self, sandbox, holds):
        self.sandbox, self.holds, self.gate = sandbox, holds, threading.Event()
        self.server = Server(self.answer)

    def answer(self, call):
        if self.holds(call):
            self.gate.wait(180)
        return self.sandbox.ask(call.method, call.path.removeprefix("/api/v1"),
                                call.json if call.body else None)

    def stand_in(self, path):
        """It gets the calls of a pipeline that was written for its sandbox."""
        path.write_text(path.read_text().replace(self.sandbox.base_url,
                                                 self.server.origin + "/api/v1"))
        return path
