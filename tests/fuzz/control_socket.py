"""Callers that nobody wrote: the control socket of a whole agent, whose APs are simulated, in real time."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from fuzz.campaign import Feed, Harm
from fuzzing import VALUES, json_of, octets_of, text_of
from rig import FAST, replace, rig_of, site_of

from agent.agent import Agent
from agent.api import errors
from agent.api.protocol import MAX_REQUEST_BYTES
from agent.api.server import ControlSocket
from agent.clock import SystemClock
from agent.events import EventKind
from agent.operations import Operations
from drivers.base import DeviceContext
from drivers.simulated.driver import family
from inventory.model import Site

APS: Final = 4
LINE_S: Final = 0.2  # instead of 10: a slow caller is cut off while the campaign looks on
ANSWER_S: Final = 10.0  # of a status, on a busy machine
PROBE_S: Final = 0.5  # a probe takes as long as it is told: its caller hangs up then
CODES: Final = frozenset(
    {
        *(errors.MALFORMED, errors.TOO_LARGE, errors.TOO_SLOW, errors.BUSY, errors.UNKNOWN_OP),
        *(kind.code for kind in errors.OperationError.__subclasses__() if kind.code != errors.INTERNAL),
    }
)
RADIOS: Final = tuple(f"lab/ap{n}/r5" for n in range(1, APS + 1))
REQUESTS: Final[tuple[dict[str, Any], ...]] = (
    {"op": "status"},
    {"op": "status", "args": {"site": "lab"}},
    {"op": "events", "args": {"site": "lab", "since_s": 60.0, "limit": 5}},
    {"op": "changes", "args": {"site": "lab", "radio": RADIOS[0], "open": False, "limit": 3}},
    {"op": "change", "args": {"id": "00000000-0000-7000-8000-000000000001"}},
    {"op": "rollback", "args": {"token": "t" * 43}},
    {"op": "last", "args": {"ap": "lab/ap1"}},
    {"op": "approve_all", "args": {"site": "lab"}},
    {"op": "budget", "args": {"site": "lab"}},
    {"op": "undo", "args": {"since_s": 60.0}},
    {"op": "snapshot", "args": {"site": "lab"}},
    {"op": "plan", "args": {"site": "lab", "stop": True, "zone": "east", "most_moves": 1, "limit_s": 1.0}},
    {"op": "reject", "args": {"id": "00000000-0000-7000-8000-000000000001", "why": "no"}},
    {"op": "approve", "args": {"id": "00000000-0000-7000-8000-000000000001"}},
    {"op": "acknowledge", "args": {"id": "00000000-0000-7000-8000-000000000002"}},
    {"op": "pause", "args": {"scope": "lab/ap1", "for_s": 0.5}},
    {"op": "resume", "args": {"scope": "lab/ap1"}},
    {"op": "release", "args": {"radio": RADIOS[1]}},
    {"op": "probe", "args": {"ap": "lab/ap1", "for_s": 0.0}},
    *(
        {
            "op": "inject",
            "args": {"kind": str(kind), "radio": radio, "channel": 36, "width_mhz": 20, "act": act},
        }
        for kind in EventKind
        for radio, act in ((RADIOS[0], False), (RADIOS[2], True))
    ),
)
LINES: Final = tuple(json.dumps(each) for each in REQUESTS)
NESTED: Final = (b"[" * 30_000, b'{"op":' * 5000, b'{"op":"status","args":{"site":' + b'{"a":' * 200)


class ControlSocketTarget:
    """See `fuzz.campaign.Target`."""

    name = "control-socket"
    limit_s = 60.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Feed]:
        directory = Path(tempfile.mkdtemp(prefix="rrmd-"))
        clock, site = SystemClock(), site_of(APS, policy=replace(FAST, poll_s=1.0))
        try:
            async with rig_of(directory, clock, site) as rig, rig.agent() as agent:
                operations = Operations(agent, "sqlite", rig.settings.audit_dir, _device)
                path = directory / "control.sock"
                async with ControlSocket(path, None, operations.handle, line_s=LINE_S, answer_s=1.0):
                    yield Callers(path, agent)
            rig.verify()
        finally:
            shutil.rmtree(directory)


def _device(site: Site, name: str) -> Any:
    aps = tuple(ap for ap in site.aps.values() if ap.device == name)
    radios = tuple(radio for ap in aps for radio in ap.radios)
    return family.device(
        DeviceContext(config=site.devices[name], radios=radios, aps=aps, secret=None, clock=time.monotonic)
    )


Caller = Callable[[Random], Awaitable[None]]


class Callers:
    """A batch of callers per input; then the daemon must answer one who asks well."""

    def __init__(self, path: Path, agent: Agent) -> None:
        self._path = path
        self._agent = agent
        self._said: Counter[str] = Counter()
        self._seen: list[dict[str, Any]] = []  # answers, of which ids and tokens go into later requests
        self._twisted = json_of(*REQUESTS)
        self._texts = text_of(*LINES)
        self._octets = octets_of(*(line.encode() + b"\n" for line in LINES))
        self._callers: tuple[tuple[int, Caller], ...] = (
            (30, self._asks),
            (30, self._asks_oddly),
            (20, self._writes_noise),
            (6, self._hangs_up),
            (4, self._stops_writing),
            (4, self._reads_nothing),
            (2, self._sends_too_much),
            (2, self._dawdles),
        )

    async def one(self, dice: Random) -> None:
        weights, callers = zip(*self._callers, strict=True)
        many = dice.choice((1, 2, 5, 20, 60))
        async with asyncio.TaskGroup() as tasks:
            for caller in dice.choices(callers, weights, k=many):
                tasks.create_task(caller(Random(dice.random())))
        await self._still_answers()

    async def over(self) -> Mapping[str, Any]:
        reads = sum(times for lane in self._agent.lanes.values() for times in lane.reads.values())
        if not reads:
            raise Harm("no AP was polled meanwhile")
        return {"polls": reads, **self._said}

    async def _still_answers(self) -> None:
        async with asyncio.timeout(ANSWER_S):
            while (answer := await self._exchange(b'{"op":"status"}\n')) and not answer["ok"]:
                if answer["error"]["code"] != errors.BUSY:  # callers of the batch are still being cut off
                    raise Harm(f"a good request after the batch: {answer}")
                await asyncio.sleep(0.01)
        if answer is None:
            raise Harm("no answer to a good request after the batch")

    # -- callers -------------------------------------------------------------------------------------

    async def _asks(self, dice: Random) -> None:
        request = dice.choice(REQUESTS)
        args = {**request.get("args", {}), **self._known(dice)}
        wanted = {name: value for name, value in args.items() if name in request.get("args", {})}
        await self._exchange(json.dumps({**request, "args": wanted}).encode() + b"\n")

    def _known(self, dice: Random) -> dict[str, Any]:
        """Of a change that there is: what only an answer can tell."""
        if not self._seen or dice.random() < 0.3:
            return {}
        change = dice.choice(self._seen)
        return {"id": change["id"], "token": change.get("token") or "t", "radio": dice.choice(RADIOS)}

    async def _asks_oddly(self, dice: Random) -> None:
        request = self._twisted(dice)
        if dice.random() < 0.5:
            args = dict(dice.choice(REQUESTS).get("args", {})) or {"x": 1}
            args[dice.choice((*args, "site", "id", "__class__"))] = dice.choice(VALUES)
            request = {"op": dice.choice(REQUESTS)["op"], "args": args}
        with suppress(ValueError):
            await self._exchange(json.dumps(request).encode() + b"\n")

    async def _writes_noise(self, dice: Random) -> None:
        kind = dice.random()
        if kind < 0.5:
            await self._exchange(self._octets(dice))
        elif kind < 0.9:
            await self._exchange(self._texts(dice).encode("utf-8", "surrogatepass") + b"\n")
        else:
            await self._exchange(dice.choice(NESTED) + b"\n")

    async def _hangs_up(self, dice: Random) -> None:
        _, writer = await asyncio.open_unix_connection(str(self._path))
        line = dice.choice(LINES).encode() + b"\n"
        writer.write(line if dice.random() < 0.5 else line[: dice.randrange(len(line))])
        if dice.random() < 0.5:
            writer.transport.abort()
        writer.close()

    async def _stops_writing(self, dice: Random) -> None:
        """Half-closed: an answer is due all the same."""
        line = dice.choice(LINES).encode()
        await self._exchange(line + (b"\n" if dice.random() < 0.5 else b""), eof=True)

    async def _reads_nothing(self, dice: Random) -> None:
        _, writer = await asyncio.open_unix_connection(str(self._path))
        writer.write(b'{"op":"status"}\n' * dice.choice((1, 1000)))
        await asyncio.sleep(dice.choice((0.0, 0.05)))
        writer.close()

    async def _sends_too_much(self, dice: Random) -> None:
        size = MAX_REQUEST_BYTES + dice.choice((-1, 0, 1, 1000, 1_000_000))
        await self._exchange(b'{"op":"status"' + b" " * size + b"}\n")

    async def _dawdles(self, dice: Random) -> None:
        _, writer = await asyncio.open_unix_connection(str(self._path))
        with suppress(ConnectionError):
            for octet in dice.choice(LINES).encode()[: dice.choice((1, 5, 50))]:
                writer.write(bytes((octet,)))
                await asyncio.sleep(0.005)
        writer.close()

    # -- one exchange --------------------------------------------------------------------------------

    async def _exchange(self, raw: bytes, *, eof: bool = False) -> dict[str, Any] | None:
        """What is answered; None: it hung up, as it may on a caller that does not read."""
        reader, writer = await asyncio.open_unix_connection(str(self._path), limit=1 << 24)
        try:
            writer.write(raw)
            if eof:
                writer.write_eof()
            async with asyncio.timeout(PROBE_S if b"probe" in raw else None):
                line = await reader.readline()
        except TimeoutError:
            self._said["given_up"] += 1
            return None
        except ConnectionError:
            self._said["cut_off"] += 1
            return None
        finally:
            writer.close()
        return self._checked(raw, line) if line else None

    def _checked(self, raw: bytes, line: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(line)
        code = "ok" if answer["ok"] else answer["error"]["code"]
        self._said[code] += 1
        if code != "ok" and code not in CODES:
            raise Harm(f"{code} for {raw[:3000]!r}: {answer}")
        if code == "ok":
            change = answer["result"].get("change")
            changes = answer["result"].get("changes", [change] if isinstance(change, dict) else [])
            self._seen = [*self._seen, *changes][-20:]
        return answer
