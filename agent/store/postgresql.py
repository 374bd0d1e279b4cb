"""PostgreSQL as the store wants it: one writer at a time, synced commits, and no call that waits for ever."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy import event as hooks

BUSY_S = 5.0
"""How long one process waits for another's write, and for a connection."""
STATEMENT_S = 10.0
"""How long the server works at one statement before it gives up."""
ANSWER_S = 15.0
"""How long this side waits for any answer: a server or a network that stands still gives up nothing."""
AGAIN_S = 3.0
"""What waits behind a call that got no answer is refused at once, not each after its own wait."""
IDLE_S = 30
"""When the server ends a transaction whose client is silent: a machine that lost its power keeps no lock."""
ONE_WRITER = 0x72726D64
"""The advisory lock that every write takes first, as SQLite's BEGIN IMMEDIATE does: the letters `rrmd`."""

_SERVER = {
    "statement_timeout": round(STATEMENT_S * 1000),
    "lock_timeout": round(BUSY_S * 1000),
    "idle_in_transaction_session_timeout": IDLE_S * 1000,
    "default_transaction_isolation": r"read\ committed",
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}
_CLIENT = {
    "connect_timeout": round(BUSY_S),
    "client_encoding": "UTF8",
    "application_name": "rrmd",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": round(ANSWER_S * 1000),
}
_OPTIONS = " ".join(f"-c {name}={value}" for name, value in _SERVER.items())
_SYNCED = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which nothing takes longer than ANSWER_S. One that did is closed: what it was doing
    may have been done."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().wait(_bounded(gen, time.monotonic() + ANSWER_S), *args, **kwargs)
        except NoAnswer:
            self.close()
            raise


class NoAnswer(psycopg.OperationalError):
    """The server, or the way to it, stands still."""


def engine_of(url: URL) -> Engine:
    """``postgresql://`` is psycopg 3, whatever SQLAlchemy takes by default."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,  # a server that was restarted meanwhile costs nothing but a new connection
        pool_timeout=BUSY_S,
    )
    hooks.listen(engine, "do_connect", _Connecting().connect)
    hooks.listen(engine, "begin", _begin)
    return engine


class _Connecting:
    """Connections as they are asked for; a server that did not answer one is not asked again for AGAIN_S."""

    def __init__(self) -> None:
        self._silent_at_s = float("-inf")

    def connect(
        self, _dialect: object, _record: object, _args: object, params: dict[str, Any]
    ) -> BoundedConnection:
        if time.monotonic() - self._silent_at_s < AGAIN_S:
            raise NoAnswer("the server did not answer a moment ago")
        given = params.pop("options", "")
        options = f"{_OPTIONS} {given}".strip()
        try:
            connection = BoundedConnection.connect(**{**_CLIENT, **params}, options=options)
            connection.execute(_SYNCED)
            connection.commit()
        except (psycopg.errors.ConnectionTimeout, NoAnswer):
            self._silent_at_s = time.monotonic()
            raise
        return connection


def _begin(conn: Connection) -> None:
    options = conn.get_execution_options()
    if options.get("rrmd_unsynced"):
        conn.exec_driver_sql("SET LOCAL synchronous_commit = off")
    if options.get("rrmd_write"):
        conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ONE_WRITER})")


def _bounded(gen: Generator[Any, Any, Any], until_s: float) -> Generator[Any, Any, Any]:
    """The same steps, as long as there is time. psycopg asks again every 0.1 s when nothing came."""
    try:
        want = next(gen)
        while True:
            ready = yield want
            if not ready and time.monotonic() > until_s:
                raise NoAnswer(f"no answer from the server within {ANSWER_S:.0f} s")
            want = gen.send(ready)
    except StopIteration as done:
        return done.value
