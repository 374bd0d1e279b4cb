"""The bus of an OpenWrt AP, whichever way it is reached. A contract and its values; no behaviour."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, Protocol

from drivers.errors import DriverError, PersonNeeded, Refused, TryAgain

NO_ARGS: Final[Mapping[str, Any]] = MappingProxyType({})
ATTACHED: Final = ":attached"
"""Kind of the first event of a subscription: from now on events come."""


class Status(IntEnum):
    """What a method of an object may answer (ubusmsg.h)."""

    OK = 0
    INVALID_COMMAND = 1
    INVALID_ARGUMENT = 2
    METHOD_NOT_FOUND = 3
    NOT_FOUND = 4
    NO_DATA = 5
    PERMISSION_DENIED = 6
    TIMEOUT = 7
    NOT_SUPPORTED = 8
    UNKNOWN_ERROR = 9
    CONNECTION_FAILED = 10
    NO_MEMORY = 11
    PARSE_ERROR = 12
    SYSTEM_ERROR = 13


class ObjectGone(TryAgain):
    """The bus has no such object now: hostapd's is absent while its radio restarts or waits for a CAC."""


class AccessDenied(PersonNeeded):
    """The ACL of our user does not grant this call; it was not carried out."""


class StatusRefused(Refused):
    """The method answered with a status and did nothing; ``status`` says which (`Status`)."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method of one object."""

    object: str
    method: str
    args: Mapping[str, Any] = field(default_factory=lambda: NO_ARGS)

    def __str__(self) -> str:
        return f"{self.object} {self.method}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back of one call: ``data``, or why there is none."""

    data: Mapping[str, Any] = field(default_factory=lambda: NO_ARGS)
    error: DriverError | None = None

    def result(self) -> Mapping[str, Any]:
        """Raises what went wrong."""
        if self.error is not None:
            raise self.error
        return self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an object notified. ``kind``: channel-switch, disassoc ..., or `ATTACHED`."""

    object: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=lambda: NO_ARGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a program on the AP answered."""

    status: int
    stdout: str
    stderr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds. ``session_s``: how long the AP keeps a session that nobody uses; longer than any undo timer,
    for with it goes the right to confirm."""

    call_s: float = 5.0
    session_s: int = 900
    log_s: float = 5.0


class Ubus(Protocol):
    """One session on the bus. Methods raise :class:`drivers.errors.DriverError` only.

    Statuses other than OK are StatusRefused, but for TIMEOUT: DeviceTimeout. A call that was denied because
    the session had expired was not carried out; it is repeated once in a new one, writes too. What was staged
    in the old one (`uci set`) and the right to confirm are lost with it: compare ``logins`` before and after.
    """

    @property
    def logins(self) -> int:
        """How many sessions there were; staged changes and a pending apply belong to one."""
        ...

    @property
    def is_shell(self) -> bool:
        """True: programs can be run as on the AP itself (SSH), `uci commit` too."""
        ...

    async def open(self) -> str | None:
        """Connect and log in. What proves the AP's identity: its host key or certificate; None: nothing."""
        ...

    def may(self, object: str, method: str) -> bool:
        """False: the ACL of our user is known not to grant it."""
        ...

    async def call(
        self, object: str, method: str, args: Mapping[str, Any] = NO_ARGS, timeout_s: float | None = None
    ) -> Mapping[str, Any]:
        """Send it once. Raises ObjectGone, AccessDenied, StatusRefused, DeviceTimeout (may have been done),
        Disconnected (may have been done), Garbage."""
        ...

    async def batch(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        """One answer per call, in their order. Reads only: what is lost on the way is asked again, once.

        Raises only what concerns the connection as a whole.
        """
        ...

    async def methods(self, object: str) -> frozenset[str]:
        """What it can be asked; empty: there is no such object now."""
        ...

    async def run(self, *argv: str) -> Ran:
        """A program on the AP: over SSH any; over HTTP what the ACL names, through rpcd's file module."""
        ...

    def subscribe(self, object: str) -> AsyncIterator[Event]:
        """Its notifications, the first being ATTACHED. Ends when the object goes away (a radio restarts).

        Raises ObjectGone, AccessDenied, Disconnected.
        """
        ...

    def log(self) -> AsyncIterator[str]:
        """Lines of the system log from now on, each without its time. The first is empty: it is listened."""
        ...

    def beside(self) -> Ubus:
        """Another session on the same AP, not open yet: it sees what the AP has, not what this one staged.
        It is closed with this one, and can't be opened after that: Disconnected."""
        ...

    async def resume(self) -> None:
        """Connect again where the connection was lost or closed, in the same session: it may confirm.
        Raises Disconnected while the session that it was made beside is closed."""
        ...

    async def close(self) -> None:
        """Abort what is blocked. When it returns, no call of this session can be carried out any more."""
        ...
