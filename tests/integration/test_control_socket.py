"""The control socket over a real Unix socket: whoever calls and whatever is sent, the daemon lives on."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from agent.api import client, errors, protocol
from agent.api.server import LONG_MOST, ControlSocket
from agent.api.socket_file import SocketInUse, SocketUnusable
from agent.change import Actor, IllegalTransition
from drivers.errors import AuthenticationFailed

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes its own user id")


class Handler:
    """Answers with what it was asked, or raises what it was told to."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.raises = raises
        self.asked: list[tuple[str, Any, Actor]] = []
        self.begun = asyncio.Event()
        self.answer: Mapping[str, Any] = {"fine": True}

    async def __call__(self, op: str, args: Any, actor: Actor) -> Mapping[str, Any]:
        self.asked.append((op, args, actor))
        self.begun.set()
        if self.raises:
            raise self.raises
        return self.answer


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path (a socket's is limited) in a directory that anyone may enter."""
    directory = Path(tempfile.mkdtemp(prefix="rrmd-"))
    directory.chmod(0o755)
    yield directory / "control.sock"
    shutil.rmtree(directory)


def control(place: Path, handler: Any, **options: Any) -> ControlSocket:
    return ControlSocket(place, None, handler, **options)


async def send(place: Path, raw: bytes) -> dict[str, Any]:
    """What comes back for these bytes."""
    reader, writer = await asyncio.open_unix_connection(str(place), limit=1 << 20)
    try:
        writer.write(raw)
        return await answer(reader)
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    line = await reader.readline()
    found: dict[str, Any] = json.loads(line)
    return found


STATUS = b'{"op":"status"}\n'


def ask(place: Path, handler: Any, raw: bytes, **options: Any) -> dict[str, Any]:
    """One exchange with a server of its own, which must answer the next caller too."""

    async def main() -> dict[str, Any]:
        async with control(place, handler, **options):
            found = await send(place, raw)
            if not isinstance(handler, Handler) or handler.raises is None:
                assert (await send(place, STATUS))["ok"]
            return found

    return asyncio.run(main())


def code(found: dict[str, Any]) -> str:
    assert found["ok"] is False
    assert "\n" not in found["error"]["message"]
    return str(found["error"]["code"])


def test_a_request_is_answered(place: Path) -> None:
    handler = Handler()
    assert ask(place, handler, b'{"op":"events","args":{"limit":3}}\n') == {
        "ok": True,
        "result": {"fine": True},
    }
    assert handler.asked[0][:2] == ("events", protocol.EventsArgs(limit=3))


def test_the_kernel_says_who_asked(place: Path) -> None:
    handler = Handler()
    ask(place, handler, STATUS)
    actor = handler.asked[0][2]
    assert (actor.type, actor.uid) == ("operator", os.getuid())
    assert actor.name


@as_root
def test_another_user_is_recorded_as_that_user(place: Path) -> None:
    handler = Handler()

    async def main() -> None:
        async with control(place, handler):
            caller = connected_as(65534, place, opened_to_all=True)
            reader, writer = await asyncio.open_unix_connection(sock=caller)
            writer.write(STATUS)
            await answer(reader)
            writer.close()

    asyncio.run(main())
    assert handler.asked[0][2].uid == 65534


@as_root
def test_a_stranger_does_not_get_in(place: Path) -> None:
    async def main() -> None:
        async with control(place, Handler()):
            with pytest.raises(PermissionError):
                connected_as(65534, place)

    asyncio.run(main())


def connected_as(uid: int, place: Path, *, opened_to_all: bool = False) -> socket.socket:
    """A connection made by that user: the kernel looks at the effective id."""
    if opened_to_all:
        place.chmod(0o666)
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.seteuid(uid)
    try:
        caller.connect(str(place))
    except OSError:
        caller.close()
        raise
    finally:
        os.seteuid(0)
    caller.setblocking(False)
    return caller


@pytest.mark.parametrize("raw", [b"rollback please\n", b"\n", b"[1]\n", b"\x00\xff\n", b'{"op":"status"\n'])
def test_malformed_lines_are_answered(place: Path, raw: bytes) -> None:
    assert code(ask(place, Handler(), raw)) == "malformed"


def test_a_line_without_an_end_is_answered(place: Path) -> None:
    async def main() -> dict[str, Any]:
        async with control(place, Handler()):
            reader, writer = await asyncio.open_unix_connection(str(place))
            writer.write(b'{"op":"status"}')
            writer.write_eof()
            found = await answer(reader)
            writer.close()
            return found

    assert code(asyncio.run(main())) == "malformed"


def padded(size: int) -> bytes:
    """A well-formed request of so many bytes, its line end included."""
    return STATUS[:-1] + b" " * (size - len(STATUS)) + b"\n"


def test_the_largest_request_is_taken(place: Path) -> None:
    assert ask(place, Handler(), padded(protocol.MAX_REQUEST_BYTES))["ok"]


@pytest.mark.parametrize("more", [1, 1000, 100_000])
def test_one_byte_more_is_too_large(place: Path, more: int) -> None:
    assert code(ask(place, Handler(), padded(protocol.MAX_REQUEST_BYTES + more))) == "too_large"


def test_an_endless_line_is_too_large(place: Path) -> None:
    assert code(ask(place, Handler(), b"x" * 200_000)) == "too_large"


def test_a_slow_caller_is_cut_off(place: Path) -> None:
    assert code(ask(place, Handler(), b'{"op":', line_s=0.05)) == "too_slow"


def test_a_caller_that_only_connects_costs_nothing(place: Path) -> None:
    async def main() -> None:
        async with control(place, Handler()):
            _, writer = await asyncio.open_unix_connection(str(place))
            writer.close()
            await writer.wait_closed()
            assert (await send(place, STATUS))["ok"]

    asyncio.run(main())


def test_one_caller_too_many_is_told_so(place: Path) -> None:
    async def main() -> None:
        async with control(place, Handler(), connections=2):
            first = await asyncio.open_unix_connection(str(place))
            second = await asyncio.open_unix_connection(str(place))
            assert code(await send(place, b"")) == "busy"
            first[1].write(STATUS)
            assert (await answer(first[0]))["ok"]
            assert await first[0].read() == b""  # its place is free again
            assert (await send(place, STATUS))["ok"]
            for _, writer in (first, second):
                writer.close()

    asyncio.run(main())


def test_32_callers_by_default(place: Path) -> None:
    async def main() -> None:
        async with control(place, Handler()):
            idle = [await asyncio.open_unix_connection(str(place)) for _ in range(32)]
            assert code(await send(place, b"")) == "busy"
            for _, writer in idle:
                writer.close()

    asyncio.run(main())


def test_the_real_client_learns_that_all_places_are_taken(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BUSY_S", 0.0)

    async def main() -> None:
        async with control(place, Handler(), connections=1):
            _, idle = await asyncio.open_unix_connection(str(place))
            for op in ("status", "x" * 60_000):
                with pytest.raises(client.CallRefused, match="1 connections are open") as told:
                    await asyncio.to_thread(client.call, place, op, {"scope": "*"})
                assert told.value.code == errors.BUSY
            idle.close()

    asyncio.run(main())


def test_the_real_client_asks_again_until_there_is_a_place(place: Path) -> None:
    handler = Handler()

    async def main() -> None:
        async with control(place, handler, connections=1):
            _, idle = await asyncio.open_unix_connection(str(place))
            asking = asyncio.create_task(asyncio.to_thread(client.call, place, "pause", {"scope": "*"}))
            with structlog.testing.capture_logs() as logs:
                async with asyncio.timeout(10):
                    while not any(each["event"] == "control.caller_refused" for each in logs):
                        await asyncio.to_thread(lambda: None)  # a turn of the loop
            idle.close()
            assert await asking == {"fine": True}

    asyncio.run(main())
    assert [op for op, _, _ in handler.asked] == ["pause"]


def test_an_answer_outlives_a_reset(place: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(place))
        server.listen()

        def refuse() -> None:
            caller, _ = server.accept()
            caller.recv(1, socket.MSG_PEEK)  # its line has come, and stays unread
            caller.sendall(protocol.render_error("refused", "read me"))
            caller.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(client.CallRefused, match="read me"):
            client.call(place, "status", {})
        thread.join(10)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (errors.NotFound("no change 7"), "not_found"),
        (errors.Refused("channel 52 is barred"), "refused"),
        (errors.NotAllowed("not you"), "not_allowed"),
        (errors.Unavailable("the disk is full"), "unavailable"),
        (errors.DeviceFailed("ap1 is silent"), "device_failed"),
        (IllegalTransition("COMMITTED has no step for undo"), "refused"),
        (AuthenticationFailed("ap1 did not accept the credential"), "device_failed"),
    ],
)
def test_a_known_error_has_its_code(place: Path, raised: Exception, expected: str) -> None:
    found = ask(place, Handler(raises=raised), STATUS)
    assert code(found) == expected
    assert found["error"]["message"] == str(raised)


LONG = {
    "probe": b'{"op":"probe","args":{"ap":"lab/ap1","for_s":600}}\n',
    "plan": b'{"op":"plan","args":{"site":"lab","limit_s":600}}\n',
    "snapshot": b'{"op":"snapshot","args":{"site":"lab"}}\n',
}
APPLY = b'{"op":"plan","args":{"site":"lab","apply":true}}\n'
STOP = b'{"op":"plan","args":{"site":"lab","stop":true}}\n'
each_long = pytest.mark.parametrize("asked", LONG.values(), ids=LONG)


class Long:
    """Waits until it is given up."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    async def __call__(self, op: str, args: Any, actor: Actor) -> Mapping[str, Any]:
        if op not in LONG or getattr(args, "stop", False):
            return {}
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1
        return {}


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110  a counter has no event
            await asyncio.sleep(0.01)


@each_long
def test_what_changes_nothing_is_given_up_when_its_caller_hangs_up(place: Path, asked: bytes) -> None:
    async def main() -> None:
        handler = Long()
        async with control(place, handler):
            _, gone = await asyncio.open_unix_connection(str(place))
            _, half = await asyncio.open_unix_connection(str(place))
            for writer in (gone, half):
                writer.write(asked)
            half.write_eof()  # it says no more, and waits for the answer
            await until(lambda: handler.begun == 2)
            gone.close()
            await until(lambda: handler.ended == 1)
            assert (await send(place, STATUS))["ok"]
            assert handler.ended == 1
            half.close()
            await until(lambda: handler.ended == 2)

    asyncio.run(main())


def test_a_plan_that_is_to_be_carried_out_is_made_whether_its_caller_waits_or_not(place: Path) -> None:
    async def main() -> None:
        handler = Long()
        async with control(place, handler, drain_s=0.0):
            _, applied = await asyncio.open_unix_connection(str(place))
            _, asked = await asyncio.open_unix_connection(str(place))
            applied.write(APPLY)
            await until(lambda: handler.begun == 1)
            applied.close()
            asked.write(LONG["plan"])
            await until(lambda: handler.begun == 2)
            asked.close()
            await until(lambda: handler.ended == 1)
            assert (await send(place, STATUS))["ok"]
            assert handler.ended == 1

    asyncio.run(main())


@pytest.mark.parametrize("asked", [*LONG.values(), APPLY], ids=[*LONG, "apply"])
def test_long_questions_leave_room_for_who_must_act(place: Path, asked: bytes) -> None:
    async def main() -> None:
        handler = Long()
        async with control(place, handler, drain_s=0.0):
            probes = [await asyncio.open_unix_connection(str(place)) for _ in range(LONG_MOST + 1)]
            for _, writer in probes[:-1]:
                writer.write(asked)
            await until(lambda: handler.begun == LONG_MOST)
            probes[-1][1].write(asked)
            assert code(await answer(probes[-1][0])) == "busy"
            for must_act in (STATUS, STOP):
                assert (await send(place, must_act))["ok"]
            for _, writer in probes:
                writer.close()

    asyncio.run(main())


def test_a_bug_is_logged_and_the_server_lives_on(place: Path) -> None:
    handler = Handler(raises=ZeroDivisionError("canary"))

    async def main() -> dict[str, Any]:
        async with control(place, handler):
            found = await send(place, STATUS)
            handler.raises = None
            assert (await send(place, STATUS))["ok"]
            return found

    with structlog.testing.capture_logs() as logged:
        found = asyncio.run(main())
    assert code(found) == "internal"
    assert "canary" not in found["error"]["message"]
    assert [entry["op"] for entry in logged if entry["event"] == "control.operation_failed"] == ["status"]


@pytest.mark.parametrize("wrong", [{"ratio": float("nan")}, {"what": object()}])
def test_an_answer_that_is_no_json_is_a_bug(place: Path, wrong: Mapping[str, Any]) -> None:
    handler = Handler()
    handler.answer = wrong

    async def main() -> dict[str, Any]:
        async with control(place, handler):
            return await send(place, STATUS)

    assert code(asyncio.run(main())) == "internal"


def test_a_device_cannot_break_the_line(place: Path) -> None:
    found = ask(place, Handler(raises=errors.DeviceFailed("it said:\n" + "x" * 5000)), STATUS)
    assert code(found) == "device_failed"
    assert len(found["error"]["message"]) <= 1000


def test_a_token_is_not_logged(place: Path) -> None:
    with structlog.testing.capture_logs() as logged:
        ask(place, Handler(), b'{"op":"rollback","args":{"token":"T0KEN"}}\n')
    assert "rollback" in [entry["op"] for entry in logged if entry["event"] == "control.answered"]
    assert "T0KEN" not in repr(logged)


# The caller hangs up; the daemon stops


class Slow:
    """An operation that takes until it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self, op: str, args: Any, actor: Actor) -> Mapping[str, Any]:
        self.begun.set()
        await self.go.wait()
        self.done.set()
        return {}


def test_an_operation_outlives_its_caller(place: Path) -> None:
    async def main() -> None:
        slow = Slow()
        async with control(place, slow):
            _, writer = await asyncio.open_unix_connection(str(place))
            writer.write(STATUS)
            await slow.begun.wait()
            writer.close()
            await writer.wait_closed()
            slow.go.set()
            async with asyncio.timeout(5):
                await slow.done.wait()

    asyncio.run(main())


def test_closing_lets_operations_end_and_idle_callers_go(place: Path) -> None:
    async def main() -> None:
        slow = Slow()
        server = control(place, slow)
        await server.start()
        working = await asyncio.open_unix_connection(str(place))
        working[1].write(STATUS)
        idle = await asyncio.open_unix_connection(str(place))
        await slow.begun.wait()
        closing = asyncio.create_task(server.close())
        assert await idle[0].read() == b""
        slow.go.set()
        assert (await answer(working[0]))["ok"]
        await closing
        for _, writer in (working, idle):
            writer.close()

    asyncio.run(main())


def test_closing_does_not_wait_for_ever(place: Path) -> None:
    async def main() -> None:
        slow = Slow()
        server = control(place, slow, drain_s=0.05)
        await server.start()
        reader, writer = await asyncio.open_unix_connection(str(place))
        writer.write(STATUS)
        await slow.begun.wait()
        await server.close()
        assert await reader.read() == b""
        writer.close()
        await server.close()

    asyncio.run(main())


def test_a_caller_that_does_not_read_is_dropped(place: Path) -> None:
    handler = Handler()
    handler.answer = {"text": "x" * 8_000_000}  # more than the kernel keeps for a reader

    async def main() -> None:
        async with control(place, handler, answer_s=0.05, connections=1):
            _, writer = await asyncio.open_unix_connection(str(place), limit=1024)
            writer.write(STATUS)
            await handler.begun.wait()
            handler.answer = {}
            async with asyncio.timeout(10):
                while not (await send(place, STATUS))["ok"]:
                    pass  # busy, until the one place is free again
            writer.close()

    asyncio.run(main())


def test_serve_answers_until_cancelled(place: Path) -> None:
    server = control(place, Handler())

    async def main() -> None:
        ready = asyncio.Event()
        start = server.start

        async def started() -> None:
            await start()
            ready.set()

        server.start = started  # type: ignore[method-assign]  # to know when
        task = asyncio.create_task(server.serve())
        await ready.wait()
        assert (await send(place, STATUS))["ok"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not place.exists()


# The file


def opened(place: Path, group: str | None, look: Callable[[], None]) -> list[Any]:
    """Look while a server is open; returns what was logged."""

    async def main() -> None:
        async with ControlSocket(place, group, Handler()):
            look()

    with structlog.testing.capture_logs() as logged:
        asyncio.run(main())
    return list(logged)


def test_the_group_gets_in(place: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name

    def look() -> None:
        status = place.stat()
        assert stat.S_IMODE(status.st_mode) == 0o660
        assert status.st_gid == os.getgid()

    opened(place, group, look)


@pytest.mark.parametrize("group", [None, "no-such-group-here"])
def test_without_the_group_only_the_owner_gets_in(place: Path, group: str | None) -> None:
    logged = opened(place, group, lambda: _assert_mode(place, 0o600))
    expected = "control.group_refused" if group else "control.socket_private"
    assert expected in [entry["event"] for entry in logged]


def _assert_mode(place: Path, mode: int) -> None:
    assert stat.S_IMODE(place.stat().st_mode) == mode


def test_a_dead_daemons_socket_is_replaced(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    assert place.is_socket()
    assert ask(place, Handler(), STATUS)["ok"]
    assert not place.exists()


def test_a_second_daemon_is_refused_and_the_first_lives_on(place: Path) -> None:
    async def main() -> None:
        async with control(place, Handler()):
            with pytest.raises(SocketInUse, match="another rrmd holds"):
                await control(place, Handler()).start()
            assert (await send(place, STATUS))["ok"]

    asyncio.run(main())


def test_a_foreign_listener_is_left_alone(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(place))
        other.listen(0)
        with pytest.raises(SocketInUse, match="someone answers"):
            asyncio.run(control(place, Handler()).start())
    assert place.is_socket()


def test_a_file_is_left_alone(place: Path) -> None:
    place.write_text("precious")
    with pytest.raises(SocketUnusable, match="is no socket"):
        asyncio.run(control(place, Handler()).start())
    assert place.read_text() == "precious"


def test_a_missing_directory_is_named(place: Path) -> None:
    with pytest.raises(SocketUnusable, match="create the directory first"):
        asyncio.run(control(place.parent / "run" / "control.sock", Handler()).start())


def test_a_path_too_long_is_named(place: Path) -> None:
    with pytest.raises(SocketUnusable, match="at most 107 bytes"):
        asyncio.run(control(place.parent / ("x" * 108), Handler()).start())


def replace(place: Path) -> None:
    place.unlink()
    place.write_text("new owner")


def test_a_file_of_someone_else_is_not_removed_at_the_end(place: Path) -> None:
    async def main() -> None:
        async with control(place, Handler()):
            replace(place)

    asyncio.run(main())
    assert place.read_text() == "new owner"
