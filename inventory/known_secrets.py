"""The secrets that this process was given, to be struck out of what others say.

A device can quote what it was sent: a shell that takes the password for a command, a proxy that shows the
request it refused. What it says goes into messages, and they into log, audit, alerts and answers.
"""

from __future__ import annotations

from typing import Final

MASK: Final = "***"
SHORTEST: Final = 6  # characters; shorter ones are parts of everyday words
_HEAD: Final = 12  # of a long one: whoever shortens a message may have cut its end off

_known: dict[str, str] = {}
"""Secret -> the part of it that gives it away."""


def remember(text: str) -> None:
    """From now on it is struck out. Kept as long as the process lives, as its credentials are."""
    if len(text) >= SHORTEST:
        _known[text] = text if len(text) < _HEAD + 4 else text[:_HEAD]


def remembers(text: str) -> bool:
    return text in _known


def masked(text: str) -> str:
    """The text without the secrets that stand in it as they are, whole or without their ends."""
    for secret, head in list(_known.items()):
        while (at := text.find(head)) >= 0:
            text = text[:at] + MASK + text[at + _alike(secret, text[at:]) :]
    return text


def _alike(secret: str, text: str) -> int:
    """How many characters of the secret the text begins with."""
    return next(
        (n for n, (a, b) in enumerate(zip(secret, text, strict=False)) if a != b), min(len(secret), len(text))
    )
