"""The SNMPv3 worker: a process of its own that asks on behalf of the daemon, so that pysnmp's work never
holds up the daemon's loop. It ends with its standard input, that is with the daemon, however that ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from drivers.errors import DriverError, TryAgain
from drivers.notifications import Oid, Value
from drivers.transport import snmp_pipe
from drivers.transport.snmp_usm import UsmAgent, UsmAgents
from inventory import core_dump

ALIVE_S: Final = 2.0  # how often it says that it lives while something is asked


class Worker:
    """``out``: where answers go."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._agents = UsmAgents()
        self._sessions: dict[int, UsmAgent] = {}
        self._asked: dict[int, asyncio.Task[None]] = {}

    async def serve(self, requests: asyncio.StreamReader) -> None:
        alive = asyncio.create_task(self._live(), name="alive")
        while request := await requests.readline():
            self._take(json.loads(request))
        alive.cancel()

    def _take(self, request: Mapping[str, Any]) -> None:
        session, number = request["session"], request.get("id", 0)
        match request["do"]:
            case "open":
                target = snmp_pipe.unpacked_target(request["target"])
                self._sessions[session] = UsmAgent(self._agents, target)
            case "close":
                self._sessions.pop(session).close()
            case "cancel":
                if (task := self._asked.get(number)) is not None:
                    task.cancel()
            case _:
                agent = self._sessions[session]
                task = asyncio.create_task(self._ask(agent, number, request), name=f"request-{number}")
                self._asked[number] = task
                task.add_done_callback(lambda done: self._answer(agent, number, done))

    def _answer(self, agent: UsmAgent, number: int, done: asyncio.Task[None]) -> None:
        """pysnmp raises what it likes: that ends one request, not the others'."""
        del self._asked[number]
        if done.cancelled():
            return
        error = done.exception()
        if error is not None and not isinstance(error, DriverError):
            error = TryAgain(f"the SNMPv3 worker failed: {type(error).__name__}: {error}")
        self._say(
            {
                "id": number,
                "engine_id": agent.engine_id and agent.engine_id.hex(),
                "error": error and snmp_pipe.packed_error(error),
            }
        )

    async def _ask(self, agent: UsmAgent, number: int, request: Mapping[str, Any]) -> None:
        def deliver(values: dict[Oid, Value]) -> None:
            self._say({"id": number, "values": snmp_pipe.packed_values(values)})

        match request["do"]:
            case "get":
                deliver(await agent.get(request["oids"]))
            case "walk":
                await agent.walk(request["oids"], deliver)
            case "set":
                await agent.set([snmp_pipe.unpacked_assignment(each) for each in request["values"]])

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_S)
            if self._asked:
                self._say({})

    def _say(self, message: Mapping[str, Any]) -> None:
        self._out.write(snmp_pipe.line(message))
        self._out.flush()


def _stumbled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A datagram over which pysnmp stumbles is nobody's answer, and may come a thousand times."""
    if "handle" not in context:
        loop.default_exception_handler(context)


async def _serve(out: BinaryIO) -> None:
    requests = asyncio.StreamReader(limit=snmp_pipe.LINE_LIMIT)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_stumbled)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    await Worker(out).serve(requests)


def main() -> None:
    """Standard output is the pipe: what a library prints goes to standard error instead."""
    for each in (signal.SIGINT, signal.SIGTERM):  # the daemon's drain still needs it
        signal.signal(each, signal.SIG_IGN)
    core_dump.forbid()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(_serve(out))


if __name__ == "__main__":
    main()
