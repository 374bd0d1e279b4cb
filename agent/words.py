"""What a device pushed about one radio, bounded for each kind: a flood of one leaves the others. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import merge
from itertools import count

from drivers.signals import Signal

KEPT = 64
"""Of each kind; what nobody proved is a kind of its own, since anybody can send it."""

Kind = tuple[type, bool]


class Words:
    """Oldest first. Of one kind the oldest goes when there are more than `KEPT`."""

    def __init__(self) -> None:
        self._said: dict[Kind, deque[tuple[int, Signal]]] = {}
        self._turn = count()

    def __iter__(self) -> Iterator[Signal]:
        return (signal for _, signal in merge(*self._said.values(), key=_turn_of))

    def __len__(self) -> int:
        return sum(map(len, self._said.values()))

    def add(self, signal: Signal) -> bool:
        """Whether an older one had to go for it."""
        said = self._said.setdefault(
            (type(signal), getattr(signal, "authenticated", True)), deque(maxlen=KEPT)
        )
        full = len(said) == KEPT
        said.append((next(self._turn), signal))
        return full

    def forget(self, before_s: float) -> None:
        """What was said before then counts no more."""
        for said in self._said.values():
            while said and said[0][1].at_s < before_s:
                said.popleft()


def _turn_of(each: tuple[int, Signal]) -> int:
    return each[0]
