"""An `rpc-reply` -> its data, or the error that the device meant. Pure.

Source of the tags: RFC 6241 appendix A.
"""

from __future__ import annotations

from typing import Final, NoReturn
from xml.etree.ElementTree import Element

from drivers.errors import Garbage, Refused, TryAgain
from drivers.netconf.parse_xml import at, children, name, text, tree

WORDS: Final = 200  # of the device's own that go into a message
_AGAIN: Final = frozenset({"in-use", "resource-denied"})


class Locked(TryAgain):
    """Somebody else holds the lock; ``holder`` is their session-id, None where the device does not tell."""

    def __init__(self, message: str, holder: str | None) -> None:
        super().__init__(message)
        self.holder = holder


class Busy(TryAgain):
    """What was asked for can't be given now; ``tag``: in-use or resource-denied (RFC 6241 appendix A)."""

    def __init__(self, message: str, tag: str) -> None:
        super().__init__(message)
        self.tag = tag


class NotPending(Refused):
    """No confirmed commit of this persist-id waits: it was confirmed, cancelled or undone."""


def reply(answer: str) -> Element:
    """The reply without an error. Raises Refused, TryAgain, Garbage."""
    root = tree(answer)
    if name(root) != "rpc-reply":
        raise Garbage(f"<{name(root)[:40]}> instead of an rpc-reply")
    errors = [each for each in children(root, "rpc-error") if text(each, "error-severity") != "warning"]
    if errors:
        _raise(errors)
    return root


def data(reply: Element) -> Element:
    """The `data` of a get or get-config."""
    if (found := at(reply, "data")) is None:
        raise Garbage("a reply without data")
    return found


def _raise(errors: list[Element]) -> NoReturn:
    first = errors[0]
    tag, words = text(first, "error-tag") or "no error-tag", _words(errors)
    if tag == "lock-denied":
        holder = text(first, "error-info", "session-id")
        whose = f"session {holder} holds the lock" if holder not in (None, "0") else "not by NETCONF"
        raise Locked(f"lock-denied: {whose}: {words}"[:WORDS], holder)
    if tag in _AGAIN:
        raise Busy(f"{tag}: {words}", tag)
    if tag == "invalid-value" and "persist" in words:
        raise NotPending(f"{tag}: {words}")
    if tag == "malformed-message":
        raise Garbage(f"{tag}: {words}")
    raise Refused(f"{tag}: {words}")


def _words(errors: list[Element]) -> str:
    """The device's own, shortened."""
    told = []
    for error in errors:
        message = text(error, "error-message") or text(error, "error-app-tag") or "no error-message"
        leaf = (text(error, "error-path") or "").rpartition("/")[2].rpartition(":")[2]
        told.append(f"{message} ({leaf})" if leaf else message)
    return " ".join("; ".join(told).split())[:WORDS]
