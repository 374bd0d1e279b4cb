"""ubus over HTTP(S), as uhttpd-mod-ubus gives it: JSON-RPC, and server-sent events."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

from drivers.errors import AuthenticationFailed, DeviceTimeout, Disconnected, Garbage
from drivers.openwrt import parse_rpc
from drivers.openwrt.lifetime import Lifetime
from drivers.openwrt.parse_rpc import NOBODY, Grant
from drivers.openwrt.ubus import (
    ATTACHED,
    NO_ARGS,
    AccessDenied,
    Answer,
    Call,
    Event,
    Limits,
    ObjectGone,
    Ran,
    Status,
    StatusRefused,
    Ubus,
)
from drivers.transport.rest import NoStream, RestSession, RestTarget
from drivers.transport.waiting import LineStream
from inventory.credentials import Login

PROGRAMS: Final = "/usr/sbin"
LOG_LINES: Final = 200  # of the ring, each time; 5 s of a busy AP are a tenth of it


class HttpUbus:
    """One login. Calls at the same time share it."""

    def __init__(
        self, target: RestTarget, login: Login, limits: Limits, beside: Lifetime | None = None
    ) -> None:
        self._target = target
        self._life = Lifetime(target.name, beside)
        self._login = login
        self._limits = limits
        self._rest = RestSession(target)
        self._numbers = itertools.count(1)  # never used twice: a late answer is no answer to another call
        self._grant = Grant(session=NOBODY, rights=None)
        self._logging_in = asyncio.Lock()
        self._denied: set[tuple[str, str]] = set()
        self._hanging: set[str] = set()
        self._others: WeakSet[HttpUbus] = WeakSet()
        self.logins = 0
        self.is_shell = False

    async def open(self) -> str | None:
        self._life.may_open()
        self._life.begin()
        await self._rest.open()
        self._denied.clear()
        self._hanging.clear()
        try:
            self._life.may_open()  # still
            async with self._logging_in:
                await self._log_in()
        except BaseException:
            await self._rest.close()
            raise
        return self._target.fingerprint  # one that a CA vouches for may be renewed: it is no identity

    def may(self, object: str, method: str) -> bool:
        return self._grant.may(object, method)

    async def call(
        self, object: str, method: str, args: Mapping[str, Any] = NO_ARGS, timeout_s: float | None = None
    ) -> Mapping[str, Any]:
        call = Call(object=object, method=method, args=args)
        (answer,) = await self._authorised((call,), timeout_s or self._limits.call_s)
        return answer.result()

    async def batch(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        """What hung the last time goes apart from the rest, at the same time, and once: each radio that hangs
        costs its own limit."""
        apart = [at for at, call in enumerate(calls) if _subject(call) in self._hanging]
        rest = [at for at, call in enumerate(calls) if _subject(call) not in self._hanging]
        groups = [self._group(calls, group) for group in _by_subject(calls, apart)]
        found: dict[int, Answer] = {}
        for part in await asyncio.gather(self._together(calls, rest), *groups):
            found |= part
        return tuple(found[at] for at in range(len(calls)))

    async def _together(self, calls: Sequence[Call], which: Sequence[int]) -> dict[int, Answer]:
        """In as few requests as it takes; behind one that hangs the others are asked again, each
        subject apart."""
        answers = await self._asked(calls, which)
        late = [at for at in which if isinstance(answers[at].error, DeviceTimeout)]
        for group in _by_subject(calls, late):
            answers |= await self._group(calls, group)
        return answers

    async def _group(self, calls: Sequence[Call], which: Sequence[int]) -> dict[int, Answer]:
        """All of one subject."""
        found = await self._asked(calls, which)
        hangs = any(isinstance(each.error, DeviceTimeout) for each in found.values())
        (self._hanging.add if hangs else self._hanging.discard)(_subject(calls[which[0]]))
        return found

    async def _asked(self, calls: Sequence[Call], which: Sequence[int]) -> dict[int, Answer]:
        asked = [calls[at] for at in which]
        try:
            found = await self._authorised(asked, self._limits.call_s)
        except Disconnected:  # an idle connection that ended just now; after `close` it fails again
            found = await self._authorised(asked, self._limits.call_s)
        return dict(zip(which, found, strict=True))

    async def methods(self, object: str) -> frozenset[str]:
        number = next(self._numbers)
        body = await self._post(parse_rpc.list_request(number, object).encode(), self._limits.call_s)
        return parse_rpc.methods(body, number, object)

    async def run(self, *argv: str) -> Ran:
        command, *params = argv
        command = command if command.startswith("/") else f"{PROGRAMS}/{command}"  # the ACL names them so
        said = await self.call("file", "exec", {"command": command, "params": params})
        status, stdout, stderr = said.get("code"), said.get("stdout", ""), said.get("stderr", "")
        if not isinstance(status, int) or not isinstance(stdout, str) or not isinstance(stderr, str):
            raise Garbage(f"file exec {command}: {str(said)[:80]}")
        return Ran(status=status, stdout=stdout, stderr=stderr)

    async def subscribe(self, object: str) -> AsyncIterator[Event]:
        stream = await self._subscribed(object)
        try:
            yield Event(object=object, kind=ATTACHED)
            kind, lost = "", 0
            async for line in stream:
                if stream.dropped > lost:
                    lost = stream.dropped
                    yield Event(object=object, kind=ATTACHED)
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("data:") and kind:
                    yield Event(object=object, kind=kind, data=_event_data(line[5:]))
        finally:
            await stream.aclose()

    async def log(self) -> AsyncIterator[str]:
        last = -1
        while True:
            said = await self.call("log", "read", {"lines": LOG_LINES, "stream": False, "oneshot": True})
            rows = _log_rows(said)
            fresh = [text for number, text in rows if number > last >= 0]
            if last < 0 or (len(rows) >= LOG_LINES and rows[0][0] > last + 1):
                yield ""  # from now on; or lines were lost
            last = max((number for number, _ in rows), default=max(last, 0))
            for text in fresh:
                yield text
            await asyncio.sleep(self._limits.log_s)

    def beside(self) -> Ubus:
        other = HttpUbus(self._target, self._login, self._limits, self._life)
        self._others.add(other)
        return other

    async def resume(self) -> None:
        self._life.may_resume()
        if self._rest.connected:
            return
        await self._rest.open()
        try:
            self._life.may_resume()  # still
        except Disconnected:
            await self._rest.close()
            raise

    async def close(self) -> None:
        self._life.end()
        for other in tuple(self._others):
            await other.close()
        await self._rest.close()

    async def _authorised(self, calls: Sequence[Call], limit_s: float) -> tuple[Answer, ...]:
        """A denied call was not carried out (uhttpd asks for the right first), so repeating it once in a new
        session is safe, whatever it is: this is how an expired session is told from a missing right."""
        grant = self._grant
        answers = list(await self._sent(calls, grant, limit_s))
        denied = [at for at, each in enumerate(answers) if isinstance(each.error, AccessDenied)]
        if not any(self._name(calls[at]) not in self._denied for at in denied):
            return tuple(answers)
        await self._renew(grant)
        second = await self._sent([calls[at] for at in denied], self._grant, limit_s)
        for at, answer in zip(denied, second, strict=True):
            answers[at] = answer
            if isinstance(answer.error, AccessDenied):
                self._denied.add(self._name(calls[at]))
        return tuple(answers)

    @staticmethod
    def _name(call: Call) -> tuple[str, str]:
        return call.object, call.method

    async def _sent(self, calls: Sequence[Call], grant: Grant, limit_s: float) -> tuple[Answer, ...]:
        """Each once. A chunk that is not answered in time costs its own calls only."""
        numbered = dict(zip(self._numbers, calls, strict=False))
        requests = [(n, parse_rpc.request(n, grant.session, call)) for n, call in numbered.items()]
        found: dict[int, Answer] = {}
        for numbers, body in parse_rpc.chunks(requests):
            asked = {number: numbered[number] for number in numbers}
            try:
                found |= parse_rpc.answers(await self._post(body, limit_s), asked)
            except DeviceTimeout as error:
                found |= dict.fromkeys(numbers, Answer(error=error))
        return tuple(found[number] for number in numbered)

    async def _post(self, body: bytes, limit_s: float) -> bytes:
        return await self._rest.post("/ubus", body, limit_s, {"Content-Type": "application/json"})

    async def _renew(self, old: Grant) -> None:
        """Log in again, unless another call has just done so."""
        async with self._logging_in:
            if self._grant is old:
                await self._log_in()

    async def _log_in(self) -> None:
        password = self._login.password
        if password is None:
            raise AuthenticationFailed(f"{self._target.name}: ubus over HTTP needs a password")
        args = {
            "username": self._login.user,
            "password": password.reveal(),
            "timeout": self._limits.session_s,
        }
        call = Call(object="session", method="login", args=args)
        (answer,) = await self._sent((call,), Grant(session=NOBODY, rights=None), self._limits.call_s)
        if isinstance(answer.error, StatusRefused) and answer.error.status == Status.PERMISSION_DENIED:
            raise AuthenticationFailed(f"{self._target.name}: user {self._login.user!r} was not let in")
        self._grant = parse_rpc.grant(answer.result())
        self.logins += 1

    async def _subscribed(self, object: str) -> LineStream:
        """In a new session where this one may have expired: denied is HTTP 200 and a plain JSON object."""
        grant = self._grant
        try:
            return await self._stream(object)
        except AccessDenied:
            if not self.may(object, ":subscribe"):
                raise
        await self._renew(grant)
        return await self._stream(object)

    async def _stream(self, object: str) -> LineStream:
        headers = {"Authorization": f"Bearer {self._grant.session}"}
        try:
            return await self._rest.stream(f"/ubus/subscribe/{object}", headers)
        except NoStream as error:
            code = _event_data(error.body.decode("utf-8", "replace")).get("code")
            if code == -13:
                words = f"{object} :subscribe: the ACL of rrmd's user does not grant it (docs/openwrt.md)"
                raise AccessDenied(words) from error
            raise ObjectGone(f"{object}: cannot be subscribed to now (code {str(code)[:20]})") from error


def _by_subject(calls: Sequence[Call], which: Sequence[int]) -> list[list[int]]:
    """Apart from each other: what hangs holds up all that is carried out behind it. Mostly it is an object
    that has just gone, which is known by now; one that hangs again costs its own radio only."""
    groups: dict[str, list[int]] = {}
    for at in which:
        groups.setdefault(_subject(calls[at]), []).append(at)
    return list(groups.values())


def _subject(call: Call) -> str:
    """The interface, else the object."""
    return str(call.args.get("device") or call.object.removeprefix("hostapd."))


def _event_data(text: str) -> Mapping[str, Any]:
    """Nothing where it makes no sense: the event itself is still worth a poll."""
    with suppress(ValueError, RecursionError):
        data = json.loads(text)
        if isinstance(data, dict):
            return data
    return NO_ARGS


def _log_rows(said: Mapping[str, Any]) -> list[tuple[int, str]]:
    rows = said.get("log")
    if not isinstance(rows, list):
        raise Garbage(f"log read: {str(said)[:80]}")
    return [
        (row["id"], row["msg"])
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("id"), int) and isinstance(row.get("msg"), str)
    ]
