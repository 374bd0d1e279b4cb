"""The control socket: one request a connection, answered in one line, whatever the caller sends."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, Self

import structlog

from agent.api import errors, protocol
from agent.api.codes import code_of
from agent.api.peer import actor_of
from agent.api.socket_file import SocketFile
from agent.change import Actor

log = structlog.get_logger()

BACKLOG: Final = 64
QUIET: Final = frozenset({"status", "events", "changes", "change"})  # asked often, change nothing
LONG_MOST: Final = 8  # long operations at once: the other connections are for who must act
LOOK_S: Final = 0.5
REFUSED_S: Final = 0.2  # for the line of a caller that is refused
_LONGEST_MESSAGE: Final = 1000


Work = Coroutine[Any, Any, Mapping[str, Any]]


class Handler(Protocol):
    """What does the work. Raises an OperationError to say no; anything unknown is a bug and answered so."""

    def __call__(self, op: str, args: Any, actor: Actor) -> Work: ...


class CallerGone(errors.OperationError, ConnectionError):
    """Nobody waits for the answer."""

    code = "gone"


class Busy(errors.OperationError):
    """As much is under way as may be: try again."""

    code = errors.BUSY


class ControlSocket:
    """Answers at ``path`` from `start` to `close`; also an async context manager, or a task: `serve`.

    ``line_s``: how long a caller may take to send its line. ``answer_s``: how long it may take to read
    ours. ``drain_s``: how long operations under way may go on after `close` was called.
    An operation goes on when its caller hangs up: a rollback is not given up half-way. Only one whose
    arguments say so is (`protocol.Args`). Of those that are long so many are at work at once as `LONG_MOST`
    says, whether somebody waits for them or not.
    """

    def __init__(
        self,
        path: Path,
        group: str | None,
        handler: Handler,
        *,
        line_s: float = 10.0,
        answer_s: float = 10.0,
        drain_s: float = 5.0,
        connections: int = 32,
    ) -> None:
        self._file = SocketFile(path, group)
        self._handler = handler
        self._line_s = line_s
        self._answer_s = answer_s
        self._drain_s = drain_s
        self._connections = connections
        self._server: asyncio.Server | None = None
        self._waiting: set[asyncio.Task[Any]] = set()  # for the caller's line, or for it to read ours
        self._working: set[asyncio.Task[Any]] = set()  # on an operation
        self._refused: set[asyncio.Task[Any]] = set()  # one too many; being told so
        self._long = 0

    async def start(self) -> None:
        """Bind and listen. Raises a SocketError."""
        bound = self._file.bind()
        try:
            self._server = await asyncio.start_unix_server(
                self._connected, sock=bound, limit=protocol.MAX_REQUEST_BYTES - 1, backlog=BACKLOG
            )
        except BaseException:
            bound.close()
            self._file.release()
            raise
        log.info("control.opened", path=str(self._file.path))

    async def close(self) -> None:
        """Take no more requests, let those under way end, remove the file. May be called twice."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        _cancel(self._waiting)
        if self._working:
            await asyncio.wait(self._working, timeout=self._drain_s)
        left = self._waiting | self._working | self._refused
        _cancel(left)
        await asyncio.gather(*left, return_exceptions=True)
        self._file.release()
        log.info("control.closed", path=str(self._file.path))

    async def serve(self) -> None:
        """Answer until cancelled."""
        async with self:
            await asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # asyncio runs this callback in a task of its own
        task.set_name("control.connection")
        full = len(self._waiting) + len(self._working) >= self._connections
        (self._refused if full else self._waiting).add(task)
        try:
            answer = await self._busy(reader) if full else await self._answered(task, reader, writer)
            await self._send(writer, answer)
        except (ConnectionError, TimeoutError) as error:
            log.debug("control.caller_lost", error=type(error).__name__)
            writer.transport.abort()
        finally:
            for tasks in (self._waiting, self._working, self._refused):
                tasks.discard(task)
            writer.close()

    async def _answered(
        self, task: asyncio.Task[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """The line to answer with; empty when the caller only connected and left."""
        try:
            async with asyncio.timeout(self._line_s):
                line = await reader.readuntil(b"\n")
        except TimeoutError:
            return protocol.render_error(errors.TOO_SLOW, f"no whole line within {self._line_s:g} s")
        except asyncio.LimitOverrunError:
            limit = protocol.MAX_REQUEST_BYTES
            return protocol.render_error(errors.TOO_LARGE, f"a request has at most {limit} bytes")
        except asyncio.IncompleteReadError as error:
            return protocol.render_error(errors.MALFORMED, "the line has no end") if error.partial else b""
        self._waiting.discard(task)
        self._working.add(task)
        return await self._worked(line, _socket_of(writer))

    async def _worked(self, line: bytes, connection: socket.socket) -> bytes:
        """The answer to one line. Whatever goes wrong becomes an error answer, and the server lives on."""
        op, actor = None, None
        try:
            actor = await actor_of(connection)
            op, args = protocol.parse_request(line)
            work = self._handler(op, args, actor)
            answer = protocol.render_result(await self._done(work, args, connection))
        except Exception as error:  # the boundary: a bug in one operation must not end the others
            code, message = code_of(error), _message_of(error)
            if code == errors.INTERNAL:
                log.exception("control.operation_failed", op=op, actor=actor and actor.name)
                message = "rrmd has a bug here; its log has the details (journalctl -u rrmd)"
            answer = protocol.render_error(code, message)
            _note(op, actor, code)
        else:
            _note(op, actor, "ok")
        return answer

    async def _done(self, work: Work, args: protocol.Args, connection: socket.socket) -> Mapping[str, Any]:
        """What the work gives. Raises CallerGone when nobody waits for it any more, Busy."""
        if not args.long:
            return await work
        if self._long >= LONG_MOST:
            work.close()
            raise Busy(f"{LONG_MOST} of these are at work; try again")
        self._long += 1
        try:
            return await (_while_there(work, connection) if args.given_up_with_caller else work)
        finally:
            self._long -= 1

    async def _busy(self, reader: asyncio.StreamReader) -> bytes:
        """The answer to one too many. Its line is read first, as far as it is there at once: what is closed
        with something unread is reset, and the caller may never see why."""
        with suppress(TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REFUSED_S):
                await reader.readuntil(b"\n")
        log.warning("control.caller_refused", reason="connections", limit=self._connections)
        return protocol.render_error(errors.BUSY, f"{self._connections} connections are open; try again")

    async def _send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)
        async with asyncio.timeout(self._answer_s):
            await writer.drain()
            writer.close()
            await writer.wait_closed()  # the buffer is flushed, or the time is up and it is dropped


def _socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    found: socket.socket = writer.get_extra_info("socket")
    return found


async def _hung_up(connection: socket.socket) -> None:
    """Ends when the caller has closed: one that only stopped writing still reads."""
    looks = select.poll()
    looks.register(connection.fileno(), 0)  # a hang-up is told unasked
    while not any(event & select.POLLHUP for _, event in looks.poll(0)):  # noqa: ASYNC110  no event tells it
        await asyncio.sleep(LOOK_S)


def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


async def _while_there(work: Work, connection: socket.socket) -> Mapping[str, Any]:
    """What the work gives, while somebody waits for it. Raises CallerGone."""
    working = asyncio.create_task(work, name="control.long")
    gone = asyncio.create_task(_hung_up(connection), name="control.hung_up")
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CallerGone("the caller has hung up")
        return working.result()
    finally:
        _cancel({working, gone})
        await asyncio.gather(working, gone, return_exceptions=True)


def _note(op: str | None, actor: Actor | None, code: str) -> None:
    """One line a request; arguments are never logged (one of them is a token)."""
    say = log.debug if op in QUIET else log.info
    say("control.answered", op=op, uid=actor and actor.uid, name=actor and actor.name, code=code)


def _message_of(error: Exception) -> str:
    """One line, whatever a device wrote into it."""
    return " ".join(str(error).split())[:_LONGEST_MESSAGE] or type(error).__name__
