"""Debian's PostgreSQL on 127.0.0.1 and a socket, that lives in a temporary directory.

It refuses root: run by root, it gets the user that its package made.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from peers import found, needs

POSTGRES = found("postgres")
NEEDS_POSTGRES = needs("postgres")
USER, PASSWORD = "rrmd", "of-the-store"
CONFIG = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
fsync = {fsync}
max_connections = 40
shared_buffers = 16MB
logging_collector = off
autovacuum = off
"""


@dataclass(slots=True, kw_only=True)
class Server:
    """A cluster and, while it runs, its server."""

    directory: Path
    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def start(self) -> None:
        self._ctl("start", "-w", "-l", str(self.directory / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """``immediate`` is how a crash looks: no session is ended well."""
        self._ctl("stop", "-w", "-m", mode)

    def new_database(self, like: str = "template0") -> str:
        """The name of one that is empty, or a copy."""
        name = f"rrmd{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def url(self, database: str, *, port: int | None = None) -> str:
        """By TCP, with a password; ``port``: of a proxy on the way."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        """What a superuser who is no part of rrmd does to it."""
        with psycopg.connect(
            host=str(self.directory), port=self.port, user=USER, dbname=database, autocommit=True
        ) as conn:
            done = conn.execute(sql)
            return done.fetchall() if done.description else []

    def _ctl(self, *words: str) -> None:
        run_as_nobody(["pg_ctl", "-D", str(self.data), "-s", *words])


def run_as_nobody(command: list[str]) -> None:
    program = found(command[0])
    assert program is not None
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        postgres = pwd.getpwnam("postgres")
        user = {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}
    done = subprocess.run(
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # not a pipe: the server keeps it open
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        timeout=60,
        check=False,
        **user,
    )
    assert done.returncode == 0, f"{command} failed"


@contextmanager
def postgres(*, fsync: bool = False) -> Iterator[Server]:
    """A server that is running. ``fsync``: as it must be wherever a power cut counts."""
    directory = Path(tempfile.mkdtemp(prefix="rrmd-pg-"))  # short: the socket's path has 107 bytes
    server = Server(directory=directory, port=_free_port())
    password = directory / "password"
    password.write_text(PASSWORD)
    try:
        if os.getuid() == 0:
            for path in (directory, password):
                shutil.chown(path, "postgres", "postgres")
        initdb = ["initdb", "-D", str(server.data), "-U", USER, "-E", "UTF8", "--pwfile", str(password), "-N"]
        run_as_nobody([*initdb, "--auth-local=trust", "--auth-host=scram-sha-256"])
        config = CONFIG.format(port=server.port, directory=directory, fsync="on" if fsync else "off")
        (server.data / "postgresql.conf").write_text(config)
        server.start()
        try:
            yield server
        finally:
            if (server.data / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(directory)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
