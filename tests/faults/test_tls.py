#!/usr/bin/env python3
"""Servers whose TLS is wrong in every usual way get no byte of a request; a right one is answered.

  test_tls.py HTTP_PROBE
"""

import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

NOT_TRUSTED, NO_TLS, TIMED_OUT = 60, 35, 28


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_ca(folder, name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")


def make_certificate(folder, name, ca, san, days="2"):
    """A server's certificate, signed by @ca; by itself where @ca is None."""
    key, out = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    extra = pathlib.Path(folder, f"{name}.ext")
    extra.write_text(f"subjectAltName={san}\n", encoding="ascii")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
            "-out", f"{folder}/{name}.csr")
    signer = ["-signkey", key] if ca is None else ["-CA", f"{folder}/{ca}.pem", "-CAkey", f"{folder}/{ca}.key",
                                                   "-CAcreateserial"]
    openssl("x509", "-req", "-in", f"{folder}/{name}.csr", *signer, "-days", days, "-extfile", str(extra),
            "-out", out)
    return out, key


class Server(threading.Thread):
    """Accepts until it is stopped and keeps what it could read in the clear."""

    def __init__(self, wrap):
        super().__init__(daemon=True)
        self.wrap, self.heard = wrap, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                plain.settimeout(120)
                with self.wrap(plain) as connection:
                    self.heard += connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except (OSError, ssl.SSLError):
                plain.close()


def tls(certificate, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return lambda plain: context.wrap_socket(plain, server_side=True)


class Hang:
    """Reads the greeting and never answers it."""

    def __init__(self, plain):
        self.plain = plain

    def __enter__(self):
        self.plain.recv(65536)
        self.plain.recv(1)
        raise OSError

    def __exit__(self, *_):
        pass


class SpeakPlain:
    """Answers the greeting with plain HTTP."""

    def __init__(self, plain):
        self.plain = plain

    def __enter__(self):
        self.plain.recv(65536)
        self.plain.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        raise OSError

    def __exit__(self, *_):
        pass


def rows(folder):
    ours = "DNS:localhost,IP:127.0.0.1"
    good = make_certificate(folder, "good", "ca", ours)
    version = ssl.TLSVersion
    yield "good", "localhost", tls(good), None
    yield "good by address", "127.0.0.1", tls(good), None
    yield "TLS 1.2", "localhost", tls(good, version.TLSv1_2), None
    yield "TLS 1.1", "localhost", tls(good, version.TLSv1_1), NO_TLS
    yield "TLS 1.0", "localhost", tls(good, version.TLSv1), NO_TLS
    yield "another CA", "localhost", tls(make_certificate(folder, "stranger", "other", ours)), NOT_TRUSTED
    yield "self-signed", "localhost", tls(make_certificate(folder, "self", None, ours)), NOT_TRUSTED
    yield "expired", "localhost", tls(make_certificate(folder, "old", "ca", ours, "-1")), NOT_TRUSTED
    yield "another name", "localhost", tls(make_certificate(folder, "named", "ca", "DNS:api.example.com")), NOT_TRUSTED
    yield "no address", "127.0.0.1", tls(make_certificate(folder, "dns", "ca", "DNS:localhost")), NOT_TRUSTED
    yield "wildcard of nothing", "localhost", tls(make_certificate(folder, "star", "ca", "DNS:*")), NOT_TRUSTED
    yield "plain text", "localhost", SpeakPlain, NO_TLS
    yield "hangs", "localhost", Hang, TIMED_OUT


def check(probe, folder, name, host, wrap, code):
    server = Server(wrap)
    patience_ms = "1000" if code == TIMED_OUT else "100000"
    out = subprocess.run([probe, f"https://{host}:{server.port}/x", f"{folder}/ca.pem", patience_ms],
                         capture_output=True, text=True, check=True).stdout
    answer, sentence = json.loads(out.splitlines()[0]), out.splitlines()[1]
    server.listener.close()
    if code is None:
        is_right = answer == {"code": 0, "n_sends": 1, "status": 200} and b"Authorization: Basic" in server.heard
    else:
        is_right = answer == {"code": code, "n_sends": 0, "status": 0} and not server.heard and sentence
    print("ok  " if is_right else "FAIL", name, answer, sentence)
    return is_right


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_ca(folder, "ca")
        make_ca(folder, "other")
        results = [check(sys.argv[1], folder, *row) for row in rows(folder)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
