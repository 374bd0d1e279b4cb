"""SNMPv2c agents that serve a recording, many in one process, and that can be told to misbehave.

PYTHONPATH=tests python3 -m integration.snmp_responder FILE.snmprec --agents 1000 --first 127.1.0.1
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import queue
import socket
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration import ber

GET, GET_NEXT, RESPONSE, SET, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5
TOO_BIG, NOT_WRITABLE = 1, 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``names``: contents of the OIDs; ``values``: encoded, of a SET."""

    pdu: int
    community: bytes
    request_id: bytes
    first: int
    second: int
    names: list[bytes]
    values: list[bytes]


Fault = Callable[[Request, bytes], Sequence[tuple[float, bytes]]]
"""What is sent instead of the right answer: (after how many seconds, datagram)."""


class Agent:
    """One device. ``values``: what it says. ``seen``: the requests, newest last."""

    def __init__(
        self,
        values: Mapping[str, ber.Typed],
        *,
        community: bytes = b"public",
        writable: frozenset[str] = frozenset(),
        most_octets: int = 1472,
        most_varbinds: int | None = None,
    ) -> None:
        self.community = community
        self.fault: Fault | None = None
        self.seen: list[Request] = []
        self.remember = True
        self.too_big_above: int | None = None
        self.loop: Callable[[int], int] | None = None
        self._writable = {_content(each) for each in writable}
        self._most_octets = most_octets
        self._most_varbinds = most_varbinds
        self.replace(values)

    def replace(self, values: Mapping[str, ber.Typed]) -> None:
        """From now on it says this."""
        self._varbinds = {_content(name): _varbind(name, ber.value(typed)) for name, typed in values.items()}
        self._ordered = sorted((ber.numbers(name), name) for name in self._varbinds)
        self._places = {name: at + 1 for at, (_, name) in enumerate(self._ordered)}

    def put(self, name: str, typed: ber.Typed) -> None:
        """From now on this instance, which it has, has this value."""
        self._varbinds[_content(name)] = _varbind(name, ber.value(typed))

    def value_of(self, name: str) -> bytes:
        """Encoded, as it stands now."""
        return next(ber.parts(self._varbinds[_content(name)]))[1].removeprefix(ber.oid(name))

    def answers(self, datagram: bytes) -> Sequence[tuple[float, bytes]]:
        request = read(datagram)
        if self.remember:
            self.seen.append(request)
        if request.community != self.community:
            return ()
        right = self._answer(request)
        return [(0.0, right)] if self.fault is None else self.fault(request, right)

    def _answer(self, request: Request) -> bytes:
        if request.pdu == SET:
            return self._set(request)
        varbinds = self._got(request) if request.pdu == GET else self._following(request)
        if self.too_big_above is not None and len(varbinds) > self.too_big_above:
            return response(request, [], status=TOO_BIG)
        return response(request, varbinds)

    def _got(self, request: Request) -> list[bytes]:
        known = self._varbinds
        return [known.get(each) or _absent(each, ber.NO_SUCH_INSTANCE) for each in request.names]

    def _following(self, request: Request) -> list[bytes]:
        """Of GetBulk all columns are repeaters: nobody here asks otherwise."""
        names, found, size = request.names, list[bytes](), 60 + len(request.community)
        rows = request.second if request.pdu == GET_BULK else 1
        for _ in range(rows):
            places = [self._place(each) for each in names]
            names = [self._ordered[at][1] if at < len(self._ordered) else b"" for at in places]
            for name, before in zip(names, request.names, strict=True):
                varbind = self._varbinds[name] if name else _absent(before, ber.END_OF_MIB_VIEW)
                size += len(varbind)
                if found and (size > self._most_octets or len(found) == self._most_varbinds):
                    return found
                found.append(varbind)
            if not any(names):
                return found
            names = [name or before for name, before in zip(names, request.names, strict=True)]
        return found

    def _place(self, name: bytes) -> int:
        """Of the next instance."""
        at = self._places.get(name)
        if at is None:
            at = bisect_right(self._ordered, (ber.numbers(name), name))
        return at if self.loop is None else self.loop(at)

    def _set(self, request: Request) -> bytes:
        echoed = [
            ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, name) + value)
            for name, value in zip(request.names, request.values, strict=True)
        ]
        for at, name in enumerate(request.names):
            if name not in self._writable:
                return response(request, echoed, status=NOT_WRITABLE, index=at + 1)
        self._varbinds.update(zip(request.names, echoed, strict=True))
        return response(request, echoed)


def read(datagram: bytes) -> Request:
    (_, message, _), *_ = ber.parts(datagram)
    _, (_, community, _), (pdu, body, _) = ber.parts(message)
    (_, _, request_id), (_, first, _), (_, second, _), (_, varbinds, _) = ber.parts(body)
    pairs = [list(ber.parts(content)) for _, content, _ in ber.parts(varbinds)]
    return Request(
        pdu=pdu,
        community=community,
        request_id=request_id,
        first=int.from_bytes(first, "big"),
        second=int.from_bytes(second, "big"),
        names=[name for (_, name, _), _ in pairs],
        values=[value for _, (_, _, value) in pairs],
    )


def response(
    request: Request,
    varbinds: Sequence[bytes],
    *,
    status: int = 0,
    index: int = 0,
    request_id: bytes | None = None,
    community: bytes | None = None,
) -> bytes:
    """A Response to a request, encoded."""
    head = (request_id or request.request_id) + ber.integer(status) + ber.integer(index)
    pdu = ber.tlv(RESPONSE, head + ber.tlv(ber.SEQUENCE, b"".join(varbinds)))
    sender = request.community if community is None else community
    return ber.tlv(ber.SEQUENCE, ber.integer(1) + ber.tlv(ber.OCTETS, sender) + pdu)


def silent(request: Request, right: bytes) -> Sequence[tuple[float, bytes]]:
    return ()


def late(seconds: float) -> Fault:
    return lambda request, right: [(seconds, right)]


def truncated(request: Request, right: bytes) -> Sequence[tuple[float, bytes]]:
    return [(0.0, right[: len(right) // 2])]


def garbage(request: Request, right: bytes) -> Sequence[tuple[float, bytes]]:
    return [(0.0, b"\x30\x82"), (0.0, b""), (0.0, b"HTTP/1.1 400 Bad Request\r\n\r\n")]


def damaged_varbinds(request: Request, right: bytes) -> Sequence[tuple[float, bytes]]:
    return [(0.0, response(request, [ber.tlv(ber.SEQUENCE, b"")]))]


def of_another_request(request: Request, right: bytes) -> Sequence[tuple[float, bytes]]:
    wrong = _varbind("1.3.6.1.2.1.1.5.0", ber.value((ber.OCTETS, b"of another request")))
    return [(0.0, response(request, [wrong], request_id=ber.integer(5))), (0.0, right)]


def of_another_community(request: Request, right: bytes) -> Sequence[tuple[float, bytes]]:
    wrong = _varbind("1.3.6.1.2.1.1.5.0", ber.value((ber.OCTETS, b"of another community")))
    return [(0.0, response(request, [wrong], community=b"other")), (0.0, right)]


def read_snmprec(text: str) -> dict[str, ber.Typed]:
    """Values with their types. Lines of a variation module (`2:numeric`) are not served."""
    found: dict[str, ber.Typed] = {}
    for line in text.splitlines():
        name, tag, value = line.split("|", 2)
        number, hexadecimal = tag.removesuffix("x").removesuffix("e"), tag.endswith("x")
        if number.isdigit():
            raw: int | bytes | str = bytes.fromhex(value.removeprefix("0x")) if hexadecimal else value
            found[name.removeprefix(".")] = _typed(int(number), raw)
    return found


def _typed(tag: int, raw: int | bytes | str) -> ber.Typed:
    if tag == ber.ADDRESS and isinstance(raw, bytes):
        return tag, ".".join(map(str, raw))
    if tag in (ber.OCTETS, ber.OPAQUE):
        return tag, raw if isinstance(raw, bytes) else str(raw).encode("latin-1", "replace")
    if tag in (ber.OID, ber.ADDRESS, ber.NULL):
        return tag, raw
    return tag, int(raw)


@contextmanager
def listening(agent: Agent, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Its port, as long as it is served by the running loop."""
    server = _Server(agent, host, port)
    try:
        yield server.port
    finally:
        server.close()


@contextmanager
def served(agent: Agent, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Its port, as long as a thread serves it: for who has no loop, such as a command line."""
    ports: queue.Queue[int] = queue.Queue()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        with listening(agent, host, port) as bound:
            ports.put(bound)
            await ended.wait()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="snmp-responder")
    thread.start()
    try:
        yield ports.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


class _Server:
    def __init__(self, agent: Agent, host: str, port: int) -> None:
        self._agent = agent
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, port))
        self.port = int(self._socket.getsockname()[1])
        self._later: list[asyncio.TimerHandle] = []
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        for each in self._later:
            each.cancel()
        self._socket.close()

    def _readable(self) -> None:
        datagram, sender = self._socket.recvfrom(65536)
        for seconds, answer in self._agent.answers(datagram):
            if seconds:
                self._later.append(self._loop.call_later(seconds, self._socket.sendto, answer, sender))
            else:
                self._socket.sendto(answer, sender)


def _content(name: str) -> bytes:
    return next(ber.parts(ber.oid(name)))[1]


def _varbind(name: str, value: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.oid(name) + value)


def _absent(name: bytes, why: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, name) + why)


async def _serve(values: Mapping[str, ber.Typed], first: str, agents: int, port: int) -> None:
    base = ipaddress.IPv4Address(first)
    one = Agent(values)  # all say the same, so that 10,000 of them take no more memory than one
    one.remember = False
    servers = [_Server(one, str(base + at), port) for at in range(agents)]
    print(f"{len(servers)} agents from {first} port {port}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--first", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1161)
    given = parser.parse_args()
    values = read_snmprec(given.recording.read_text("latin-1"))
    asyncio.run(_serve(values, given.first, given.agents, given.port))


if __name__ == "__main__":
    main()
