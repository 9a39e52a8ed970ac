"""What the tests of trouble share: servers, receivers and proxies that misbehave as they are told.

All of them listen on free ports of this machine, run in threads and keep an account of what came.
Like harness.py, nothing here asserts what closefeed should do.
"""

import contextlib
import http.client
import http.server
import json
import os
import pty
import socket
import ssl
import subprocess
import threading
import urllib.parse

IDENTITY_ROUTE = """
- operation: lead.create
  exclude: [id]
  identity: {{custom.{field}: "{{id}}"}}
"""


def companies(n, first=1, **more):
    """Records that become leads; their names say which line they came from."""
    return [{"id": f"C-{i}", "name": f"Company {i}", **more} for i in range(first, first + n)]


def names(n, first=1):
    return [f"Company {i}" for i in range(first, first + n)]


def lead_names(sandbox):
    """The names of all leads, in the order of their numbers: a twin shows as a name twice."""
    return sorted((lead["name"] for lead in sandbox.objects("lead")),
                  key=lambda name: int(name.split()[-1]))


def identity_route(sandbox):
    """A route whose creates can be found again by a custom field, made for it."""
    field = sandbox.post("/custom_field/lead/", {"name": "Feed Key", "type": "text"})["id"]
    return IDENTITY_ROUTE.format(field=field)


def make_fast(sandbox):
    """Limits so wide that nothing waits for quota, and a search that lags only a little."""
    wide = {group: 100000 for group in ("write", "read", "search", "delete", "delete_lead")}
    sandbox.post("/_sandbox/settings", {"rate": wide, "lag_ms": 100})
    return sandbox


def adds_up(summary):
    return summary["read"] == sum(
        summary[key] for key in ("delivered", "filtered", "skipped", "rejected", "held", "open"))


class Reserved:
    """A port at which nobody listens yet, and which nobody else gets: connections are refused."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def listen(self):
        """Whoever gets this socket closes it."""
        self.socket.listen(64)
        return self.socket

    def close(self):
        self.socket.close()


def self_signed(folder):
    """A certificate for this machine that nobody vouches for: (certificate, key)."""
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def on_terminal(program, *args, env=None):
    """What a command shows on a terminal of its own."""
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [program.binary, *map(str, args)], cwd=program.folder, env={**program.env, **(env or {})},
        stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    with contextlib.suppress(OSError):  # how the end of a terminal is told
        while data := os.read(outer, 65536):
            shown += data
    os.close(outer)
    process.wait(180)
    return shown.decode()


class Relay:
    """Hands connections on to another port; which one may change, and it may speak TLS."""

    def __init__(self, origin, *, at=None, tls=None):
        self.lead_to(origin)
        self.n_connections = 0
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = at.listen() if at else socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        scheme = "https" if tls else "http"
        self.base_url = f"{scheme}://127.0.0.1:{self.port}/api/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def lead_to(self, origin):
        url = urllib.parse.urlsplit(origin)
        self.target = (url.hostname, url.port)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.n_connections += 1
            threading.Thread(target=self.carry, args=(connection,), daemon=True).start()

    def carry(self, near):
        with contextlib.suppress(OSError), near:
            if self.context:
                near = self.context.wrap_socket(near, server_side=True)
            with near, socket.create_connection(self.target) as far:
                back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
                back.start()
                self.pump(near, far)
                back.join()

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        """Stops listening: new connections are refused."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Server:
    """An HTTP server whose answers are a function of the call: (status, headers, body)."""

    def __init__(self, answer, *, at=None):
        calls = self.calls = []
        self.answer = answer
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def any_method(self):
                length = int(self.headers.get("content-length") or 0)
                call = {"method": self.command, "path": self.path, "headers": self.headers,
                        "body": self.rfile.read(length)}
                calls.append(call)
                status, headers, body = server.answer(call)
                if isinstance(body, str):
                    body = body.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if not any(name.lower() == "content-length" for name in headers):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_CONNECT = any_method

            def log_message(self, *_):
                pass

            def handle(self):
                with contextlib.suppress(OSError):
                    super().handle()

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Threads(("127.0.0.1", 0), Handler, bind_and_activate=at is None)
        if at:
            self.server.socket.close()
            self.server.socket, self.server.server_address = at.listen(), ("127.0.0.1", at.port)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Receiver(Server):
    """A receiver of the responses; `status` is what it answers, and a call may be made to wait."""

    def __init__(self, status=200, *, at=None):
        self.status, self.headers = status, {}
        self.may_answer = threading.Event()
        self.may_answer.set()
        super().__init__(self.take, at=at)
        self.url += "/hook"

    def take(self, call):
        self.may_answer.wait(180)
        call["status"] = self.status
        return self.status, self.headers, "{}"

    def events(self, status=200):
        """Events that were answered so, repeats included."""
        return [json.loads(call["body"]) for call in list(self.calls)
                if call.get("status") == status]

    def ids(self):
        """The webhook-id of every attempt."""
        return [call["headers"]["webhook-id"] for call in list(self.calls)]


class Proxy(Server):
    """An HTTP proxy for plain http: the request line bears the whole URL."""

    def __init__(self):
        super().__init__(self.forward)

    @staticmethod
    def forward(call):
        url = urllib.parse.urlsplit(call["path"])
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(
                call["method"], urllib.parse.urlunsplit(url._replace(scheme="", netloc="")),
                call["body"] or None,
                {name: value for name, value in call["headers"].items()
                 if name.lower() not in ("host", "content-length", "proxy-connection")})
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders()
                       if name.lower() not in ("content-length", "connection", "date")}
            return answer.status, headers, answer.read()
