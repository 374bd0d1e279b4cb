"""Peers that say what they were told: each puts the secret that it was sent into its errors."""

from __future__ import annotations

import base64
import hashlib
import http.server as http_server
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import paramiko
from integration import ber
from paramiko import common


class _Login(paramiko.ServerInterface):
    """Lets in whoever knows one of the passwords; says each of them before and after."""

    def __init__(self, secrets: Sequence[str], *, lets_in: bool) -> None:
        self._words = " ".join(secrets)
        self._lets_in = lets_in

    def get_banner(self) -> tuple[str, str]:
        return f"password={self._words} {self._words}\r\n", "en"

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return common.AUTH_SUCCESSFUL if self._lets_in else common.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return common.AUTH_SUCCESSFUL if self._lets_in else common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return common.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        self._says(channel, f"<hello>{self._words}</hello>]]>]]>".encode())
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._says(channel, f"FAIL: login with {self._words} refused\n".encode())
        return True

    def _says(self, channel: paramiko.Channel, words: bytes) -> None:
        def say() -> None:
            with suppress(OSError, EOFError):
                channel.sendall(words)
                channel.sendall_stderr(words)
                channel.send_exit_status(1)
                channel.close()

        threading.Timer(0.05, say).start()


@contextmanager
def ssh(secrets: Sequence[str], *, lets_in: bool) -> Iterator[tuple[int, str]]:
    """Port and fingerprint of an SSH server."""
    key = paramiko.ECDSAKey.generate()
    fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_: list[paramiko.Transport] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    transport = paramiko.Transport(server.accept()[0])
                    transport.add_server_key(key)
                    open_.append(transport)
                    with suppress(paramiko.SSHException, EOFError):
                        transport.start_server(
                            server=_Login(secrets, lets_in=lets_in), event=threading.Event()
                        )

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()[1], fingerprint
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for each in open_:
                each.close()


@contextmanager
def http(status: int) -> Iterator[tuple[int, list[str]]]:
    """Port of a server that answers with what it was sent, and all that it was sent."""
    seen: list[str] = []

    class Echo(http_server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = f"{self.path} {self.headers.get('Authorization')} {body.decode('utf-8', 'replace')}"
            seen.append(said)
            self.send_response(status, said.replace("\n", " ")[:200])
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Not into the output of the tests."""

    with http_server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


@contextmanager
def snmp(secrets: Sequence[str]) -> Iterator[int]:
    """Port of an agent that sends each question back, then a Response of noise with the secrets in it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))

        def answer() -> None:
            with suppress(OSError):
                while True:
                    question, asker = agent.recvfrom(65535)
                    if not question:
                        return
                    agent.sendto(question, asker)
                    agent.sendto(ber.tlv(ber.SEQUENCE, " ".join(secrets).encode()), asker)

        threading.Thread(target=answer, daemon=True).start()
        yield agent.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", agent.getsockname())
