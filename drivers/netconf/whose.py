"""When to ask a controller again whose its radios are: more than a poll should ask each time. Pure."""

from __future__ import annotations

from typing import Final

AGAIN_S: Final = 300.0
"""An AP may be given its name long after it has joined, and nothing of its radios tells."""


class Whose:
    """``marks``: what every poll says of the radios that are there; another one when one comes or goes."""

    def __init__(self) -> None:
        self._marks: frozenset[object] | None = None
        self._asked_s = float("-inf")

    def learnt(self, marks: frozenset[object], at_s: float, *, complete: bool) -> None:
        """``complete``: it was told of each AP what it is known by. Else it is asked with the next poll."""
        self._marks = marks if complete else None
        self._asked_s = at_s

    def is_due(self, marks: frozenset[object], at_s: float) -> bool:
        return marks != self._marks or at_s - self._asked_s >= AGAIN_S
