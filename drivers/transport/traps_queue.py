"""What becomes of a datagram, and the queue of each device that waits for some."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from drivers.notifications import Notification, Oid, Sender
from drivers.transport.traps_message import plain_trap
from drivers.transport.traps_usm import WINDOW_S, User, Window

UNREAD_MOST: Final = 256
"""Notifications that wait for the device that subscribed."""

_INFORMS_KNOWN: Final = 1024
_TOLD_MOST: Final = 256
_TOLD_EACH_S: Final = 3600.0
_TOLD_S: Final = 10.0


class Outcome(StrEnum):
    """What became of a datagram."""

    TAKEN = "taken"  # a device got it
    UNKNOWN_SENDER = "unknown_sender"
    WRONG_CREDENTIALS = "wrong_credentials"
    UNKNOWN_ENGINE = "unknown_engine"  # v3 of an engine that is not the one that was polled
    NOT_IN_TIME_WINDOW = "not_in_time_window"
    REPLAYED = "replayed"  # the same v3 message once more
    REPEATED = "repeated"  # an inform that was there before: once taken it is answered again
    REPORTED = "reported"  # v3: the sender was told our engine id
    NO_MEANING = "no_meaning"  # the profile of the device says nothing about it
    MALFORMED = "malformed"
    QUEUE_FULL = "queue_full"
    BUFFER_FULL = "buffer_full"  # the kernel's, before we could read it
    UNREAD = "unread"  # the device was too slow, and got newer ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notification that a device has not taken yet. ``inform``: digest of one that wants an answer, which
    ``answer`` sends."""

    notification: Notification
    inform: bytes | None
    answer: Callable[[], None]


class Subscription:
    """One device's own queue, and what its sender proves himself by."""

    def __init__(self, sender: Sender, window: Window) -> None:
        self.sender = sender
        self.window = window
        self.ready = asyncio.Event()
        self.community = community.reveal().encode() if (community := sender.login.community) else None
        self.user = User(sender.login) if sender.login.user is not None else None
        self._wanted = None if sender.traps is None else frozenset(map(plain_trap, sender.traps))
        self._unread: deque[Waiting] = deque()
        self._informs: OrderedDict[bytes, tuple[float, bool]] = OrderedDict()

    def wants(self, trap: Oid) -> bool:
        return self._wanted is None or plain_trap(trap) in self._wanted

    def put(self, waiting: Waiting) -> bool:
        """False: the oldest had to go for it. An inform that went is not answered, so it comes again."""
        self._unread.append(waiting)
        self.ready.set()
        if waiting.inform is not None:
            self._remember(waiting.inform, waiting.notification.at_s, taken=False)
        if len(self._unread) <= UNREAD_MOST:
            return True
        lost = self._unread.popleft()
        if lost.inform is not None:
            self._informs.pop(lost.inform, None)
        return False

    def take(self) -> Notification | None:
        """The oldest one, answered if it is an inform; None: there is none."""
        if not self._unread:
            return None
        waiting = self._unread.popleft()
        if waiting.inform is not None:
            self._remember(waiting.inform, waiting.notification.at_s, taken=True)
            waiting.answer()
        return waiting.notification

    def state_of(self, inform: bytes, at_s: float) -> bool | None:
        """None: new; False: it waits to be taken; True: it was taken."""
        known = self._informs.get(inform)
        return known[1] if known is not None and at_s - known[0] < WINDOW_S else None

    def _remember(self, inform: bytes, at_s: float, *, taken: bool) -> None:
        self._informs[inform] = (at_s, taken)
        if len(self._informs) > _INFORMS_KNOWN:
            self._informs.popitem(last=False)


@dataclass(slots=True)
class Told:
    """Who was named in the log, and when: some addresses only, however many a flood makes up."""

    _at_s: dict[tuple[str, str], float] = field(default_factory=dict)
    _last_s: float = float("-inf")

    def may(self, what: str, host: str, at_s: float) -> bool:
        """A line about this host may be written now; it counts as written."""
        before_s = self._at_s.get((what, host), float("-inf"))
        if at_s - self._last_s < _TOLD_S or at_s - before_s < _TOLD_EACH_S:
            return False
        self._at_s.pop((what, host), None)
        self._at_s[what, host] = self._last_s = at_s
        if len(self._at_s) > _TOLD_MOST:
            del self._at_s[next(iter(self._at_s))]
        return True
