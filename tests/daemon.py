"""The real daemon as a process of its own: `rrmd run` with a state directory that outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from agent.api import client
from agent.audit_files import verify_directory
from agent.audit_key import load_or_create_key, mac_keys
from agent.store.store import Store

T = TypeVar("T")


def unset() -> dict[str, str]:
    """The environment without any setting of rrmd, and without what the tests are told by such names."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RRMD_")}


class Daemon:
    """`rrmd run` on a site file; `start` again after `kill` or `stop` goes on with the same state.

    ``more``: environment variables beside the usual ones.
    """

    def __init__(
        self, directory: Path, site: str, credentials: dict[str, str], more: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.socket = directory / "control.sock"
        self.log = directory / "log"
        self._more = dict(more or {})
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "sites").mkdir(parents=True)
        (directory / "sites" / "site.yaml").write_text(site)
        (directory / "credentials").mkdir(mode=0o700)
        for name, text in credentials.items():
            path = directory / "credentials" / name
            path.touch(mode=0o600)
            path.write_text(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "agent", "--state-dir", str(self.directory / "state")]
        command += ["--socket", str(self.socket), "run", "--sites", str(self.directory / "sites")]
        given = {"CREDENTIALS_DIRECTORY": str(self.directory / "credentials")}
        environment = {**unset(), **given, **self._more}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self.wait("the daemon answers", lambda: self._answers(), 60)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """`kill -9`."""
        self._end(signal.SIGKILL)

    def abort(self, number: int) -> None:
        """End it by a signal that it does not survive."""
        self._end(number)

    def hang_up(self) -> None:
        """SIGHUP: read the site files anew."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        return self._end(signal.SIGTERM)

    def call(self, op: str, **args: Any) -> dict[str, Any]:
        """One operation of the control socket."""
        return dict(client.call(self.socket, op, args, timeout_s=120))

    def changes(self) -> list[dict[str, Any]]:
        """Newest first."""
        return list(self.call("changes", limit=100)["changes"])

    def change(self, id: str) -> dict[str, Any]:
        return self.call("change", id=id)

    def wait(self, what: str, wanted: Callable[[], T], limit_s: float) -> T:
        """The first true value, asked again and again; fails with the end of the log."""
        end_s = time.monotonic() + limit_s
        while not (value := wanted()):
            if time.monotonic() > end_s:
                raise AssertionError(f"not within {limit_s} s: {what}\n{self.tail()}")
            time.sleep(0.05)  # not to wait for a while, but to leave the guest the processor
        return value

    def wait_state(self, id: str, *states: str, limit_s: float = 120.0) -> dict[str, Any]:
        return (
            self.wait(
                f"change {id} is {states}",
                lambda: found if (found := self.change(id))["state"] in states else None,
                limit_s,
            )
            or {}
        )

    def records(self) -> Iterator[dict[str, Any]]:
        for path in sorted((self.directory / "state" / "audit").glob("audit_*.jsonl")):
            for line in path.read_text().splitlines():
                with suppress(ValueError):
                    yield json.loads(line)

    def reasons(self) -> list[str]:
        """Reason codes of the audit, in order."""
        return [record["reason"]["code"] for record in self.records()]

    def verify(self) -> None:
        """The chain is whole and ends where the store says."""
        state = self.directory / "state"
        store = Store(f"sqlite:///{state}/rrmd.sqlite3")
        try:
            head = store.audit_head()
        finally:
            store.close()
        key = load_or_create_key(state / "audit.key")
        report = verify_directory(state / "audit", mac_keys(key), head)
        assert report.intact, report.findings

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self._process.returncode}\n{self.tail()}")
        with suppress(Exception):  # not there yet, in whatever way
            return bool(self.call("status"))
        return False

    def _end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(timeout=60)
        self._process = None
        return status
