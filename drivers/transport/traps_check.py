"""Whose a datagram is, and whether its sender proves it: community of v2c, user of v3."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from drivers.transport import traps_message as wire
from drivers.transport.ber import Malformed
from drivers.transport.traps_message import CommunityMessage, Pdu, UserMessage
from drivers.transport.traps_queue import Outcome, Subscription
from drivers.transport.traps_usm import (
    NOT_IN_WINDOW,
    UNKNOWN_ENGINE,
    Engine,
    Keys,
    proven,
    scoped_octets,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A notification of somebody who is expected. ``inform``: digest of one that wants an answer, which
    ``answer(at_s)`` makes."""

    pdu: Pdu
    subscriptions: Sequence[Subscription]
    authenticated: bool
    inform: bytes | None
    answer: Callable[[float], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """``report``: what the sender is told, None: nothing."""

    outcome: Outcome
    report: bytes | None = None


class Doorkeeper:
    """Checks datagrams. ``engine``: who we are to senders of v3 informs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reports = 0

    def check(self, data: bytes, at_s: float, expected: Sequence[Subscription]) -> Accepted | Refused:
        """``expected``: who waits for something from the address that it came from. Raises Malformed."""
        message = wire.envelope(data)
        if isinstance(message, CommunityMessage):
            return self._community(data, message, expected)
        return self._user(data, at_s, message, [each for each in expected if each.user is not None])

    def _community(
        self, data: bytes, message: CommunityMessage, expected: Sequence[Subscription]
    ) -> Accepted | Refused:
        mine = [
            each
            for each in expected
            if each.community is not None and hmac.compare_digest(each.community, message.community)
        ]
        if not mine:
            return Refused(outcome=Outcome.WRONG_CREDENTIALS)
        pdu = wire.pdu(data, message.pdu_at, message.version)
        return Accepted(
            pdu=pdu,
            subscriptions=mine,
            authenticated=False,
            inform=sha256(data[message.pdu_at :]).digest() if pdu.inform else None,
            answer=lambda _: wire.answered(data, message.pdu_at),
        )

    def _user(
        self, data: bytes, at_s: float, message: UserMessage, users: Sequence[Subscription]
    ) -> Accepted | Refused:
        to_us = message.engine_id == self._engine.id
        theirs = [each for each in users if to_us or each.sender.engine_id == message.engine_id]
        if users and not theirs:
            return self._unknown_engine(message, at_s)
        for keys, mine in _by_keys(message, theirs):
            found = self._of(data, at_s, message, mine, keys)
            if isinstance(found, Accepted) or found.outcome is not Outcome.WRONG_CREDENTIALS:
                return found
        return Refused(outcome=Outcome.WRONG_CREDENTIALS)

    def _unknown_engine(self, message: UserMessage, at_s: float) -> Refused:
        """A sender of informs learns our engine id by it; a trap of a foreign engine wants no answer."""
        if not message.reportable:
            return Refused(outcome=Outcome.UNKNOWN_ENGINE)
        report = self._engine.report(UNKNOWN_ENGINE, self._count(), message, None, at_s)
        return Refused(outcome=Outcome.REPORTED, report=report)

    def _of(
        self, data: bytes, at_s: float, message: UserMessage, mine: Sequence[Subscription], keys: Keys | None
    ) -> Accepted | Refused:
        if message.signed != (keys is not None) or (keys and not proven(message, data, keys)):
            return Refused(outcome=Outcome.WRONG_CREDENTIALS)
        if keys is not None and (late := self._late(at_s, message, mine, keys)):
            return late
        scoped = wire.scoped(scoped_octets(message, data, keys))
        pdu = wire.pdu(scoped.octets, scoped.pdu_at, wire.V3)
        if pdu.inform != (message.engine_id == self._engine.id):
            raise Malformed("not by the engine that has the word")  # a trap's sender, an inform's receiver
        answered = wire.answered(scoped.octets, scoped.pdu_at)
        return Accepted(
            pdu=pdu,
            subscriptions=mine,
            authenticated=keys is not None,
            inform=sha256(scoped.octets).digest() if pdu.inform else None,
            answer=lambda now_s: self._engine.response(answered, message, keys, now_s),
        )

    def _late(
        self, at_s: float, message: UserMessage, mine: Sequence[Subscription], keys: Keys
    ) -> Refused | None:
        """Why a proven message is not current; None: it is."""
        if message.engine_id == self._engine.id:
            return None if self._engine.admits(message, at_s) else self._not_in_window(message, keys, at_s)
        windows = {id(each.window): each.window for each in mine}.values()
        current = [window.admits(message.boots, message.time_s, at_s) for window in windows]
        if not all(current):
            return Refused(outcome=Outcome.NOT_IN_TIME_WINDOW)
        known = [window.replayed(message.mac) for window in windows]
        return Refused(outcome=Outcome.REPLAYED) if any(known) else None

    def _not_in_window(self, message: UserMessage, keys: Keys, at_s: float) -> Refused:
        if not message.reportable:
            return Refused(outcome=Outcome.NOT_IN_TIME_WINDOW)
        report = self._engine.report(NOT_IN_WINDOW, self._count(), message, keys, at_s)
        return Refused(outcome=Outcome.NOT_IN_TIME_WINDOW, report=report)

    def _count(self) -> int:
        self._reports += 1
        return self._reports


def _by_keys(
    message: UserMessage, users: Sequence[Subscription]
) -> list[tuple[Keys | None, list[Subscription]]]:
    """Those whose user has this name, together where their keys are equal: a device may be at two sites."""
    found: list[tuple[Keys | None, list[Subscription]]] = []
    for each in users:
        if each.user is None or not hmac.compare_digest(each.user.name, message.user):
            continue
        keys = each.user.keys(message.engine_id)
        same = next((mine for known, mine in found if known == keys), None)
        if same is None:
            found.append((keys, [each]))
        else:
            same.append(each)
    return found
