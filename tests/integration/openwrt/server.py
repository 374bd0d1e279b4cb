"""The stand-in's uhttpd: JSON-RPC with batches, `list`, event streams; and a back door for its programs."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from integration.openwrt.ap import Ap, Denied, Gone

ERRORS = {Gone: (-32000, "Object not found"), Denied: (-32002, "Access denied")}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # else head and body are two segments, and the second waits for an ACK
    server: Server

    def log_message(self, *words: Any) -> None:
        """Nobody reads it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(len(body))
        if self.path == "/local":
            status, text = local(self.server.ap, body.decode().split("\x1f"))
            self._send_bytes(f"{status}\n{text}".encode())
        elif self.path != "/ubus":
            self.send_error(404)
        elif len(body) > 65536:
            self.close_connection = True
        else:
            self._send(rpc(self.server, body))

    def do_GET(self) -> None:
        if self.path.startswith(("/ubus/subscribe/", "/local/subscribe/")):
            self._subscribe(self.path.rpartition("/")[2], local=self.path.startswith("/local"))
        elif self.path == "/local/log":
            self._log()
        else:
            self.send_error(404)

    def _send(self, answer: object) -> None:
        mangled = self.server.mangle
        self._send_bytes(mangled if isinstance(mangled, bytes) else json.dumps(answer).encode())

    def _send_bytes(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def _subscribe(self, name: str, *, local: bool) -> None:
        ap, sid = self.server.ap, self.headers.get("Authorization", "").removeprefix("Bearer ")
        with ap.bus.lock:
            session = ap.sessions.get(sid)
            if not local and (session is None or not session.may(name, ":subscribe")):
                self._send({"code": -13, "message": "Permission denied"})
                return
            if name not in ap.objects():
                self._send({"code": -4, "message": "Not found"})
                return
            queue = ap.bus.subscribe(name)
        self._stream()
        try:
            while (notice := queue.get()) is not None:
                kind, data = notice
                shown = json.dumps(data)
                text = f'{{ "{kind}": {shown} }}\n' if local else f"event: {kind}\ndata: {shown}\n\n"
                self._chunk(text)
            self._chunk("")
        except OSError:
            self.close_connection = True  # hung up

    def _log(self) -> None:
        """`logread -f`: what comes from now on."""
        bus = self.server.ap.bus
        self._stream()
        with bus.lock:
            last = bus.log[-1][0] if bus.log else 0
            self.server.followers += 1
            bus.changed.notify_all()
        try:
            while not bus.closed:
                with bus.lock:
                    fresh = [row for row in bus.log if row[0] > last]
                    if not fresh:
                        bus.changed.wait(0.2)
                for number, line in fresh:
                    last = number
                    self._chunk(f"Sun Nov 22 14:22:40 2026 daemon.notice {line}\n")
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    """``mangle``: bytes that every answer is replaced by; ``bodies``: lengths of the requests so far."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, ap: Ap) -> None:
        self.ap = ap
        self.mangle: bytes | None = None
        self.bodies: list[int] = []
        self.followers = 0
        self.connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def get_request(self) -> tuple[Any, Any]:
        request, address = super().get_request()
        self.connections.append(request)
        return request, address

    def hang_up(self) -> None:
        """End all connections, as uhttpd does with idle ones."""
        for each in self.connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none."""


def rpc(server: Server, body: bytes) -> object:
    try:
        said = json.loads(body)
    except ValueError:
        return {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
    if isinstance(said, list):
        return [_one(server.ap, each) for each in said]
    return _one(server.ap, said)


def _one(ap: Ap, said: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"jsonrpc": "2.0", "id": said.get("id")}
    params = said.get("params")
    if said.get("method") == "list":
        names = [str(each) for each in params or ()]
        objects = ap.objects()
        found: dict[str, Any] = {
            name: {method: {} for method in objects[name]} for name in names if name in objects
        }
        return answer | {"result": found}
    if said.get("jsonrpc") != "2.0" or not isinstance(params, list) or len(params) != 4:
        return answer | {"error": {"code": -32700, "message": "Parse error"}}
    if said.get("method") != "call":
        return answer | {"error": {"code": -32601, "message": "Method not found"}}
    try:
        status, data = ap.call(*params)
    except (Gone, Denied) as error:
        code, text = ERRORS[type(error)]
        return answer | {"error": {"code": code, "message": text}}
    return answer | {"result": [status] if data is None else [status, data]}


def local(ap: Ap, argv: list[str]) -> tuple[int, str]:
    """A program's exit status, and what it prints."""
    if argv[0] != "ubus":
        return ap.ran(argv)
    words = [word for word in argv[1:] if word not in ("-S", "-v")]
    if words[0] == "-t":
        words = words[2:]
    if words[0] == "list":
        return _listed(ap, words[1], verbose="-v" in argv)
    try:
        status, data = ap.local(words[1], words[2], json.loads(words[3]) if len(words) > 3 else {})
    except Gone:
        return 4, ""
    return (256 - status if status else 0), "" if data is None else json.dumps(data) + "\n"


def _listed(ap: Ap, name: str, *, verbose: bool) -> tuple[int, str]:
    methods = ap.objects().get(name)
    if methods is None:
        return 4, ""
    lines = "".join(f'\t"{method}":{{}}\n' for method in methods)
    return 0, f"'{name}' @e748553b\n{lines}" if verbose else f"{name}\n"


@contextmanager
def serving(ap: Ap, certificate: Path | None = None) -> Iterator[Server]:
    """``certificate``: a PEM file with its key, for HTTPS."""
    server = Server(ap)
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        ap.close()
        server.shutdown()
        server.server_close()
        thread.join()
