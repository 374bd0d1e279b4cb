"""A stand-in for rpcd's `uci` object, with its own bookkeeping: deltas by session, one pending apply per AP.

Behaves as recorded on 24.10: a plain apply deletes a pending rollback and applies nothing, a rollback puts
the delta back into its session, and `uci get` there answers the delta.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from drivers.errors import Unsupported
from drivers.openwrt.ubus import NO_ARGS, AccessDenied, Answer, Call, Event, Ran, Status, StatusRefused, Ubus

Section = dict[str, Any]


class Rpcd:
    """The AP: its file, and what waits for a confirmation."""

    def __init__(self, **options: Any) -> None:
        self.file: dict[str, Section] = {"radio0": {".type": "wifi-device", **options}}
        self.deltas: dict[int, list[Call]] = {}
        self.snapshot: dict[str, Section] | None = None
        self.owner: int | None = None
        self.expired: set[int] = set()
        self.numbers = itertools.count(1)
        self.after: dict[str, Callable[[int], None]] = {}
        """What happens as soon as a method was carried out, given the session's number."""

    def session(self) -> Session:
        return Session(self)

    def time_out(self) -> None:
        """The undo timer fires."""
        assert self.snapshot is not None
        assert self.owner is not None
        self.file, self.snapshot, self.owner = self.snapshot, None, None

    def carry_out(self, sid: int, call: Call) -> Mapping[str, Any]:
        if sid in self.expired:
            raise AccessDenied(f"{call}: expired")
        does: Callable[[int, Call], Mapping[str, Any] | None] = getattr(self, f"_{call.method}")
        answer = does(sid, call)
        if call.method in self.after:
            self.after[call.method](sid)
        return answer or {}

    def forget(self) -> None:
        """Somebody's plain apply."""
        self.snapshot = self.owner = None

    def _set(self, sid: int, call: Call) -> None:
        if call.args["section"] not in self.file:
            raise StatusRefused("not found", Status.NOT_FOUND)
        self.deltas.setdefault(sid, []).append(call)

    _delete = _set

    def _get(self, sid: int, call: Call) -> Mapping[str, Any]:
        return {"values": self._with(self.deltas.get(sid, []))[call.args["section"]]}

    def _apply(self, sid: int, call: Call) -> None:
        if not call.args["rollback"]:
            self.forget()
            return
        if self.owner is not None:
            raise StatusRefused("denied", Status.PERMISSION_DENIED)
        if not self.deltas.get(sid):
            raise StatusRefused("no data", Status.NO_DATA)
        self.snapshot, self.owner = deepcopy(self.file), sid
        self.file = self._with(self.deltas[sid])

    def _confirm(self, sid: int, call: Call) -> None:
        self._check_owner(sid)
        self.forget()
        self.deltas.pop(sid, None)

    def _rollback(self, sid: int, call: Call) -> None:
        self._check_owner(sid)
        self.time_out()

    def _check_owner(self, sid: int) -> None:
        if self.owner is None:
            raise StatusRefused("no data", Status.NO_DATA)
        if self.owner != sid:
            raise StatusRefused("denied", Status.PERMISSION_DENIED)

    def _revert(self, sid: int, call: Call) -> None:
        self.deltas.pop(sid, None)

    def _with(self, delta: Sequence[Call]) -> dict[str, Section]:
        file = deepcopy(self.file)
        for call in delta:
            section = file[call.args["section"]]
            section.update(call.args.get("values", {}))
            for name in call.args.get("options", ()):
                section.pop(name, None)
        return file


class Session:
    """One login; only what writing takes."""

    is_shell = False

    def __init__(self, rpcd: Rpcd) -> None:
        self._rpcd = rpcd
        self.sid = 0
        self.logins = 0
        self.closed = False

    async def open(self) -> str | None:
        self.sid, self.logins = next(self._rpcd.numbers), self.logins + 1
        return None

    async def call(
        self, object: str, method: str, args: Mapping[str, Any] = NO_ARGS, timeout_s: float | None = None
    ) -> Mapping[str, Any]:
        assert object == "uci"
        call = Call(object=object, method=method, args=args)
        try:
            return self._rpcd.carry_out(self.sid, call)
        except AccessDenied:  # as a real session does: log in once more
            await self.open()
            return self._rpcd.carry_out(self.sid, call)

    async def resume(self) -> None:
        """It was never lost."""

    def beside(self) -> Ubus:
        return self._rpcd.session()

    def may(self, object: str, method: str) -> bool:
        return True

    async def methods(self, object: str) -> frozenset[str]:
        raise Unsupported("not here")

    async def batch(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        raise Unsupported("not here")

    async def run(self, *argv: str) -> Ran:
        raise Unsupported("not here")

    def subscribe(self, object: str) -> AsyncIterator[Event]:
        raise Unsupported("not here")

    def log(self) -> AsyncIterator[str]:
        raise Unsupported("not here")

    async def close(self) -> None:
        self.closed = True
