"""Kept HTTP connections to one device; the only driver file that imports requests.

Every call that can block runs in the session's own few threads. A call that runs out of its own time costs
that call alone; one that is cancelled, or outlives even that, takes all connections with it: their sockets
are reset and the threads waited for. So when a call has returned, nothing more of it is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from drivers.errors import (
    DeviceTimeout,
    Disconnected,
    DriverError,
    Garbage,
    IdentityChanged,
    IdentityUnknown,
    PersonNeeded,
    Refused,
    TryAgain,
)
from drivers.transport.rest_sockets import SOCKET_OPTIONS, Plain, Sockets, Tls, reset
from drivers.transport.waiting import Flag, LineStream, announced, finished, flag_of

T = TypeVar("T")

ANSWER_LIMIT: Final = 2 * 1024 * 1024  # bytes; the largest seen, a countrylist, has 14 kB
LINE_LIMIT: Final = 64 * 1024
WORKERS: Final = 2  # one call may hang while another is made
POOL: Final = 32  # kept connections: streams give theirs back too
GRACE_S: Final = 2.0  # how much longer than the call's own limit the thread gets
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RestTarget:
    """Whom to speak to, and how its identity is known.

    ``fingerprint``: SHA-256 of its certificate in lower-case hex, which alone decides then; else ``ca_file``
    does, else the CAs that requests brings along. ``name``: how the device is called in messages.
    """

    name: str
    host: str
    port: int
    tls: bool = True
    fingerprint: str | None = None
    ca_file: str | None = None
    connect_timeout_s: float = 10.0

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class NoStream(Refused):
    """There are no events to be had; ``body`` says why, in the device's own words."""

    def __init__(self, name: str, body: bytes) -> None:
        super().__init__(f"{name}: no events: {body[:80]!r}")
        self.body = body


class RestSession:
    """Connections as they are needed, two calls at a time. Methods raise :class:`DriverError` only."""

    def __init__(self, target: RestTarget) -> None:
        self._target = target
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix=f"http-{target.name}")
        self._wire: _Wire | None = None

    @property
    def connected(self) -> bool:
        """Whether calls may be made; each connects by itself where it has to."""
        return self._wire is not None and not self._wire.was_reset

    async def open(self) -> None:
        """Forget all old connections. The first call connects."""
        await self.close()
        self._wire = _Wire(self._target)

    async def post(
        self, path: str, body: bytes, timeout_s: float, headers: Mapping[str, str] = _NO_HEADERS
    ) -> bytes:
        """The answer's body; time counts from the moment that it is its turn. Sent once, never again.
        Raises Garbage (too long), Refused and PersonNeeded (not HTTP 200), and what concerns the connection.
        """
        wire = self._alive()
        return await self._run(wire, lambda: wire.post(path, body, timeout_s, headers), timeout_s, path)

    async def stream(self, path: str, headers: Mapping[str, str]) -> LineStream:
        """Lines of server-sent events. Raises NoStream where the device answers something else."""
        wire, limit_s = self._alive(), self._target.connect_timeout_s
        answer = await self._run(wire, lambda: wire.start(path, limit_s, headers), limit_s, path)
        name = f"http-{self._target.name}-stream"
        return LineStream(lambda drop: _lines(answer, drop), lambda: wire.hang_up(answer), name)

    async def close(self) -> None:
        """Abort what is blocked, and wait for it: nothing is sent afterwards."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.reset()
            await finished(self._workers.submit(wire.join))

    def _alive(self) -> _Wire:
        if self._wire is None or self._wire.was_reset:
            raise Disconnected(f"{self._target.name}: not connected")
        return self._wire

    async def _run(self, wire: _Wire, call: Callable[[], T], timeout_s: float, what: str) -> T:
        turn = Flag()
        future = self._workers.submit(announced, call, turn.raise_)
        done = flag_of(future)
        try:
            await turn.wait()
            async with asyncio.timeout(timeout_s + self._target.connect_timeout_s + GRACE_S):
                await done.wait()
        except TimeoutError:
            await self._abort(wire, future)
            raise DeviceTimeout(f"{self._target.name}: no answer from {what}; connections closed") from None
        except asyncio.CancelledError:
            await self._abort(wire, future)
            raise
        return future.result()

    async def _abort(self, wire: _Wire, future: Future[T]) -> None:
        if not future.cancel():  # else its turn never came: nothing was sent, others may be at work
            wire.reset()
            await finished(future)


class _Adapter(HTTPAdapter):
    """requests with our connections in its pool."""

    def __init__(self, sockets: Sockets, fingerprint: str | None) -> None:
        self._sockets = sockets
        self._pinned: dict[str, Any] = {} if fingerprint is None else {"assert_fingerprint": fingerprint}
        super().__init__(pool_connections=1, pool_maxsize=POOL)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **words: Any) -> None:
        words = {**words, **self._pinned, "socket_options": SOCKET_OPTIONS}
        super().init_poolmanager(connections, maxsize, block, **words)

    def get_connection_with_tls_context(self, *args: Any, **words: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **words)
        pool.ConnectionCls = partial(Tls if pool.scheme == "https" else Plain, self._sockets)
        return pool


class _Wire:
    """The blocking half. Only worker threads call it, but for ``reset``."""

    def __init__(self, target: RestTarget) -> None:
        self._target = target
        self._sockets = Sockets()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no netrc of whoever starts us
        self._session.verify = target.fingerprint is None and (target.ca_file or True)
        self._session.mount(target.url, _Adapter(self._sockets, target.fingerprint))

    @property
    def was_reset(self) -> bool:
        return self._sockets.was_reset

    def post(self, path: str, body: bytes, timeout_s: float, headers: Mapping[str, str]) -> bytes:
        end_s = time.monotonic() + timeout_s
        with _mapped(self._target):
            answer = self._ask("POST", path, timeout_s, headers, body)
            try:
                return b"".join(_parts(self._target.name, answer, end_s))
            finally:
                answer.close()

    def start(self, path: str, timeout_s: float, headers: Mapping[str, str]) -> requests.Response:
        with _mapped(self._target):
            answer = self._ask("GET", path, timeout_s, headers, None)
            if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                end_s = time.monotonic() + timeout_s
                raise NoStream(self._target.name, b"".join(_parts(self._target.name, answer, end_s)))
            if (handle := _socket_of(answer)) is not None:
                handle.settimeout(None)  # from now on silence is no fault
            return answer

    def hang_up(self, answer: requests.Response) -> None:
        if (handle := _socket_of(answer)) is not None:
            reset(handle)

    def reset(self) -> None:
        self._sockets.reset()

    def join(self) -> None:
        self._session.close()

    def _ask(
        self, method: str, path: str, timeout_s: float, headers: Mapping[str, str], body: bytes | None
    ) -> requests.Response:
        answer = self._session.request(
            method,
            self._target.url + path,
            data=body,
            headers=dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=(self._target.connect_timeout_s, timeout_s),
        )
        if answer.status_code != HTTPStatus.OK:
            answer.close()
            raise _not_ok(self._target, path, answer)
        return answer


def _socket_of(answer: requests.Response) -> socket.socket | None:
    """None: the answer has ended and gave its connection back."""
    handle = getattr(getattr(answer.raw, "connection", None), "sock", None)
    return handle if isinstance(handle, socket.socket) else None


def _not_ok(target: RestTarget, path: str, answer: requests.Response) -> DriverError:
    words = f"{target.name}: HTTP {answer.status_code} for {path}"
    if 300 <= answer.status_code < 400:
        return PersonNeeded(f"{words}: the device points elsewhere (to HTTPS?): correct its address")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return PersonNeeded(f"{words}: is that service installed on the device?")
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return PersonNeeded(f"{words}: the device lets nobody in there")
    return TryAgain(words) if answer.status_code >= 500 else Refused(words)


def _parts(name: str, answer: requests.Response, end_s: float) -> Iterator[bytes]:
    size = 0
    while part := answer.raw.read1(65536, decode_content=True):
        size += len(part)
        if size > ANSWER_LIMIT:
            raise Garbage(f"{name}: an answer of more than {ANSWER_LIMIT} bytes")
        if time.monotonic() > end_s:
            raise DeviceTimeout(f"{name}: the answer did not end in time")
        yield part


def _lines(answer: requests.Response, drop: Callable[[], None]) -> Iterator[str]:
    """Without their ends; empty ones too. Ends with the connection, however it ends."""
    rest = b""
    with suppress(HTTPError, OSError, ValueError):  # reset, closed, or a broken chunk: the end
        while part := answer.raw.read1(65536, decode_content=True):
            *whole, rest = (rest + part).split(b"\n")
            yield from (line.rstrip(b"\r").decode("utf-8", "replace") for line in whole)
            if len(rest) > LINE_LIMIT:
                rest = b""
                drop()


@contextmanager
def _mapped(target: RestTarget) -> Iterator[None]:
    name = target.name
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise _untrusted(target, error) from error
    except requests.exceptions.Timeout as error:
        what = "no connection" if isinstance(error, requests.exceptions.ConnectTimeout) else "no answer"
        raise DeviceTimeout(f"{name}: {what} in time") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        raise Disconnected(f"{name}: {_short(error)}") from error
    except (requests.exceptions.RequestException, HTTPError, ValueError) as error:
        raise _of_urllib3(name, error) from error
    except OSError as error:
        if target.ca_file is not None and "CA certificate" in str(error):
            raise PersonNeeded(f"{name}: ca_file {target.ca_file} cannot be read") from error
        raise Disconnected(f"{name}: {error}") from error


def _of_urllib3(name: str, error: Exception) -> DriverError:
    """What comes while the body is read is not requests' own."""
    words = f"{name}: {_short(error)}"
    if isinstance(error, HTTPTimeout):
        return DeviceTimeout(words)
    return Disconnected(words) if isinstance(error, HTTPError) else Garbage(words)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _untrusted(target: RestTarget, error: Exception) -> DriverError:
    where, words = f"{target.name} ({target.host} port {target.port})", str(error)
    if target.ca_file is not None and "[X509" in words:
        return PersonNeeded(f"{target.name}: ca_file {target.ca_file} holds no certificates")
    if "Fingerprints did not match" not in words and "CERTIFICATE_VERIFY_FAILED" not in words:
        return Disconnected(f"{where}: TLS: {_short(error)}")
    shown = _shown(target)
    if target.fingerprint is not None:
        return IdentityChanged(
            f"{where} shows a certificate with SHA-256 {shown}, known is {target.fingerprint}. If the device "
            f"was replaced or reinstalled, compare it on the device itself, then correct tls_fingerprint"
        )
    return IdentityUnknown(
        f"{where} shows a certificate with SHA-256 {shown}, which no CA vouches for. Compare it on the "
        f"device itself (docs/openwrt.md says how), then add to the device: tls_fingerprint: {shown!r}"
    )


def _shown(target: RestTarget) -> str:
    """Fingerprint of the certificate, for a person to compare; nothing is sent to the device."""
    try:
        text = ssl.get_server_certificate((target.host, target.port), timeout=target.connect_timeout_s)
    except (OSError, ValueError):
        return "(not shown again)"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
