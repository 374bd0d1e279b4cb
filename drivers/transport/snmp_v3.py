"""SNMPv3 sessions of the daemon. All of them share one worker process, which lives as long as one is open."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drivers.errors import Disconnected, TryAgain
from drivers.notifications import Oid, Value
from drivers.snmp.session import Assignment
from drivers.transport import snmp_pipe
from drivers.transport.snmp_target import SnmpTarget

HUNG_S: Final = 30.0  # the worker says every 2 s that it lives
REST_S: Final = 1.0  # between two starts: what kills the worker must not keep the machine busy
END_S: Final = 2.0

_COMMAND: Final = (sys.executable, "-P", "-m", "drivers.transport.snmp_worker")
_ROOT: Final = Path(__file__).parents[2]


class V3Session:
    """One agent. A session that was closed can be opened again."""

    engine_id: bytes | None = None

    def __init__(self, target: SnmpTarget) -> None:
        self._target = target
        self._worker: _Worker | None = None
        self._number = 0

    async def open(self) -> None:
        """Raises TryAgain where the worker can't be started."""
        await self.close()
        worker = _worker()
        self._number = await worker.enter(self._target)
        self._worker = worker

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Value]:
        return await self._ask("get", {"oids": list(oids)})

    async def walk(self, roots: Sequence[Oid]) -> dict[Oid, Value]:
        return await self._ask("walk", {"oids": list(roots)})

    async def set(self, values: Sequence[Assignment]) -> None:
        await self._ask("set", {"values": [snmp_pipe.packed_assignment(each) for each in values]})

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.leave(self._number)

    async def _ask(self, what: str, how: Mapping[str, Any]) -> dict[Oid, Value]:
        if self._worker is None:
            raise Disconnected(f"{self._target.name}: the session is closed")
        reply = await self._worker.ask(self._number, {"do": what, **how})
        self.engine_id = reply.engine_id or self.engine_id
        return reply.values


@dataclass(slots=True, kw_only=True)
class _Reply:
    """Filled while it comes in. ``done`` raises what went wrong."""

    session: int
    done: asyncio.Future[None]
    values: dict[Oid, Value]
    engine_id: bytes | None = None


class _Worker:
    """The process, started when it is needed, and again when it died. Nobody waits for one that is gone."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._targets: dict[int, SnmpTarget] = {}
        self._replies: dict[int, _Reply] = {}
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: set[asyncio.Task[None]] = set()  # of processes that died too, until they are reaped
        self._started_s = -REST_S

    async def enter(self, target: SnmpTarget) -> int:
        """The number of a new session."""
        number = next(self._numbers)
        self._targets[number] = target
        try:
            await self._run()
        except BaseException:
            await self.leave(number)
            raise
        self._open(number)
        return number

    async def leave(self, session: int) -> None:
        """Who still waits for an answer of this session gets Disconnected. The last one ends the process."""
        target = self._targets.pop(session)
        self._fail(Disconnected(f"{target.name}: the session was closed"), session)
        self._send({"do": "close", "session": session})
        if not self._targets:
            _workers.pop(self._loop, None)
            await self._end()

    async def ask(self, session: int, request: Mapping[str, Any]) -> _Reply:
        await self._run()
        if session not in self._targets:
            raise Disconnected("the session was closed")
        number = next(self._numbers)
        reply = _Reply(session=session, done=self._loop.create_future(), values={})
        self._replies[number] = reply
        self._send({**request, "session": session, "id": number})
        try:
            await reply.done
        except asyncio.CancelledError:
            self._send({"do": "cancel", "session": session, "id": number})
            raise
        finally:
            self._replies.pop(number, None)
        return reply

    async def _run(self) -> None:
        """There is a process, and it knows all sessions."""
        async with self._starting:
            if self._process is not None:
                return
            if self._loop.time() < self._started_s + REST_S:
                raise TryAgain("the SNMPv3 worker has just died, and is started again in a moment")
            self._started_s = self._loop.time()
            self._process = await _started()
            reading = asyncio.create_task(self._read(self._process), name="snmp-v3-worker")
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)
            for session in self._targets:
                self._open(session)

    def _open(self, session: int) -> None:
        target = snmp_pipe.packed_target(self._targets[session])
        self._send({"do": "open", "session": session, "target": target})

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(snmp_pipe.line(message))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Until it ends, or is silent while something is asked."""
        assert process.stdout is not None  # noqa: S101 -- started with a pipe
        try:
            while answer := await self._line(process.stdout):
                self._take(json.loads(answer))
        finally:
            self._process = None
            self._fail(TryAgain("the SNMPv3 worker died; a SET may have been done"))
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _line(self, stdout: asyncio.StreamReader) -> bytes:
        """Empty when it ended, or hangs."""
        while True:
            asked = set(self._replies)
            try:
                async with asyncio.timeout(HUNG_S):
                    return await stdout.readline()
            except TimeoutError:
                if asked & set(self._replies):
                    return b""

    def _take(self, message: Mapping[str, Any]) -> None:
        reply = self._replies.get(message.get("id", 0))
        if reply is None or reply.done.done():
            return
        if "values" in message:
            reply.values.update(snmp_pipe.unpacked_values(message["values"]))
            return
        reply.engine_id = bytes.fromhex(message["engine_id"] or "") or None
        if message["error"] is not None:
            reply.done.set_exception(snmp_pipe.unpacked_error(message["error"]))
        else:
            reply.done.set_result(None)

    def _fail(self, error: TryAgain, session: int | None = None) -> None:
        for reply in self._replies.values():
            if (session is None or reply.session == session) and not reply.done.done():
                reply.done.set_exception(type(error)(*error.args))

    async def _end(self) -> None:
        """It ends by itself when its input does."""
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._reading:
            await asyncio.wait(self._reading, timeout=END_S)
        if process is not None and self._reading:
            process.kill()
            await asyncio.wait(self._reading)


async def _started() -> asyncio.subprocess.Process:
    """With none of the daemon's own environment: secrets may lie there."""
    try:
        return await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=snmp_pipe.LINE_LIMIT,
            env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT)},
            start_new_session=True,
        )
    except OSError as error:
        raise TryAgain(f"the SNMPv3 worker can't be started: {error.strerror}") from error


_workers: Final[dict[asyncio.AbstractEventLoop, _Worker]] = {}


def _worker() -> _Worker:
    """The one of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _workers:
        _workers[loop] = _Worker()
    return _workers[loop]
