"""ubus over SSH, for APs where nothing else is there: `ubus call` in a shell, as root. No ACL applies.

rpcd's uci wants a session all the same: one is made for it, so that what is staged here is seen here only.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakSet

from drivers.errors import DeviceTimeout, Garbage, PersonNeeded
from drivers.hostapd.identity import uptime_s
from drivers.hostapd.parse import sections
from drivers.hostapd.render import LATE, MARK, reads
from drivers.openwrt import parse_rpc
from drivers.openwrt.lifetime import Lifetime
from drivers.openwrt.ubus import (
    ATTACHED,
    NO_ARGS,
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
from drivers.transport.ssh import ExecResult, SshSession
from drivers.transport.ssh_target import SshTarget

FORK_S: Final = 0.5  # of one program on a slow AP
_LOG_PREFIX: Final = re.compile(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \S+ ", re.ASCII)
_UCI_RIGHTS: Final = [["wireless", "read"], ["wireless", "write"]]


class SshUbus:
    """One connection; its calls are carried out one after the other."""

    def __init__(
        self,
        target: SshTarget,
        limits: Limits,
        clock: Callable[[], float],
        beside: Lifetime | None = None,
    ) -> None:
        self._target = target
        self._life = Lifetime(target.name, beside)
        self._limits = limits
        self._clock = clock
        self._session = SshSession(target)
        self._uci_session: str | None = None
        self._making = asyncio.Lock()
        self._boot_s = 0.0  # the agent's clock when the device's uptime was 0
        self._others: WeakSet[SshUbus] = WeakSet()
        self.logins = 0
        self.is_shell = True

    async def open(self) -> str | None:
        self._life.may_open()
        self._life.begin()
        fingerprint = await self._connect(self._life.may_open)
        self._uci_session = None
        self.logins += 1  # the session for uci that is made when it is needed first belongs to this one
        return fingerprint

    async def _connect(self, may: Callable[[], None]) -> str:
        """``may``: raises where the session may speak no more, asked again when it is connected."""
        fingerprint = await self._session.open()
        try:
            may()
            said = await self._exec("cat /proc/uptime; ubus -S list system", self._limits.call_s)
        except BaseException:
            await self._session.close()
            raise
        if said.exit_status != 0:
            words = said.stderr.strip()[:120] or "it has no object system"
            raise PersonNeeded(f"{self._target.name}: no ubus answers there: {words}. Is it OpenWrt?")
        self._boot_s = self._clock() - uptime_s(said.stdout)
        return fingerprint

    def may(self, object: str, method: str) -> bool:
        return True

    async def call(
        self, object: str, method: str, args: Mapping[str, Any] = NO_ARGS, timeout_s: float | None = None
    ) -> Mapping[str, Any]:
        call = Call(object=object, method=method, args=args)
        if object != "uci":
            return (await self._once(call, timeout_s)).result()
        session = await self._session_of_uci(None)
        answer = await self._once(_in_session(call, session), timeout_s)
        if _is_denied(answer) and await self._has_expired(session):
            again = await self._session_of_uci(session)
            answer = await self._once(_in_session(call, again), timeout_s)
        return answer.result()

    async def batch(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        if not calls:
            return ()
        session = None
        if any(call.object == "uci" for call in calls):
            session = await self._session_of_uci(None)
        asked = [_in_session(call, session) if call.object == "uci" and session else call for call in calls]
        commands = {str(at): self._line(call, self._limits.call_s) for at, call in enumerate(asked)}
        limit_s = 2 * self._limits.call_s + FORK_S * len(calls)
        answers = sections((await self._exec(reads(commands), limit_s)).stdout, MARK)
        return tuple(
            parse_rpc.cli_answer(call, answers[str(at)].status, answers[str(at)].text)
            if str(at) in answers
            else Answer(error=Garbage(f"no answer to {call}"))
            for at, call in enumerate(calls)
        )

    async def methods(self, object: str) -> frozenset[str]:
        said = await self._exec(f"ubus -v list {shlex.quote(object)}", self._limits.call_s)
        return frozenset(re.findall(r'^\t"([\w:.-]+)":', said.stdout, re.M))

    async def run(self, *argv: str) -> Ran:
        said = await self._exec(shlex.join(argv), self._limits.call_s)
        return Ran(status=-1 if said.exit_status is None else said.exit_status, stdout=said.stdout)

    async def subscribe(self, object: str) -> AsyncIterator[Event]:
        if not await self.methods(object):
            raise ObjectGone(f"{object}: no such object now")
        stream = await self._session.stream(f"ubus subscribe {shlex.quote(object)}")
        lost = 0
        try:
            yield Event(object=object, kind=ATTACHED)
            async for line in stream:
                if stream.dropped > lost:
                    lost = stream.dropped
                    yield Event(object=object, kind=ATTACHED)
                if (event := parse_rpc.cli_event(object, line)) is not None:
                    yield event
        finally:
            await stream.aclose()

    async def log(self) -> AsyncIterator[str]:
        stream = await self._session.stream("logread -f")
        lost = 0
        try:
            yield ""
            async for line in stream:
                if stream.dropped > lost:
                    lost = stream.dropped
                    yield ""
                yield _LOG_PREFIX.sub("", line)
        finally:
            await stream.aclose()

    def beside(self) -> Ubus:
        other = SshUbus(self._target, self._limits, self._clock, self._life)
        self._others.add(other)
        return other

    async def resume(self) -> None:
        self._life.may_resume()
        if not self._session.connected:
            await self._connect(self._life.may_resume)

    async def close(self) -> None:
        self._life.end()
        for other in tuple(self._others):
            await other.close()
        await self._session.close()

    async def _once(self, call: Call, timeout_s: float | None) -> Answer:
        """What the network delivers too late is not done: the AP's own uptime decides."""
        limit_s = timeout_s or self._limits.call_s
        latest_s = math.floor(self._clock() - self._boot_s + limit_s + 1)
        late = f'read -r u _ </proc/uptime; [ "${{u%%.*}}" -le {latest_s:d} ] || exit {LATE}'
        said = await self._exec(f"{late}; {self._line(call, limit_s)}", limit_s + FORK_S)
        if said.exit_status == LATE:
            return Answer(error=DeviceTimeout(f"{call}: it arrived too late; nothing was done"))
        if said.exit_status is None:
            return Answer(error=DeviceTimeout(f"{call}: it was killed on the AP"))
        return parse_rpc.cli_answer(call, said.exit_status, said.stdout or said.stderr)

    def _line(self, call: Call, limit_s: float) -> str:
        words = ("ubus", "-S", "-t", str(math.ceil(limit_s)), "call", call.object, call.method)
        return shlex.join((*words, json.dumps(dict(call.args))))

    async def _exec(self, command: str, limit_s: float) -> ExecResult:
        return await self._session.exec(command, limit_s + FORK_S)

    async def _session_of_uci(self, expired: str | None) -> str:
        """The one there is, unless it is ``expired``; else a new one that may read and write wireless."""
        async with self._making:
            if self._uci_session is None or self._uci_session == expired:
                made = await self._answered("session", "create", {"timeout": self._limits.session_s})
                session = parse_rpc.grant(made).session
                rights = {"ubus_rpc_session": session, "scope": "uci", "objects": _UCI_RIGHTS}
                await self._answered("session", "grant", rights)
                self.logins += self._uci_session is not None
                self._uci_session = session
            return self._uci_session

    async def _answered(self, object: str, method: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        return (await self._once(Call(object=object, method=method, args=args), None)).result()

    async def _has_expired(self, session: str) -> bool:
        call = Call(object="session", method="get", args={"ubus_rpc_session": session})
        error = (await self._once(call, None)).error
        return isinstance(error, StatusRefused) and error.status == Status.NOT_FOUND


def _in_session(call: Call, session: str) -> Call:
    return Call(object=call.object, method=call.method, args={**call.args, "ubus_rpc_session": session})


def _is_denied(answer: Answer) -> bool:
    return isinstance(answer.error, StatusRefused) and answer.error.status == Status.PERMISSION_DENIED
