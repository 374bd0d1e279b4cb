"""What lets time pass in a simulated world, and tells of what happens. Pure."""

from __future__ import annotations

from collections.abc import Callable

from drivers.signals import Signal
from drivers.simulated.agenda import Agenda
from drivers.simulated.day import Day
from drivers.simulated.ether import Ether
from drivers.simulated.noise import SLOT_S
from inventory.model import RadioKey

Watcher = Callable[[RadioKey, Signal], None]
"""Told of each signal as it happens; its ``device`` is empty."""


class Clockwork:
    """Between two things that happen all rates are constant."""

    def __init__(self, start_s: float, day: Day, ether: Ether) -> None:
        self.now_s = start_s
        self.day = day
        self._ether = ether
        self._slot_end_s = start_s + SLOT_S
        self._advancing = False
        self._clock: Callable[[], float] | None = None
        self._watchers: list[Watcher] = []
        self._agenda = Agenda()

    def advance(self, now_s: float) -> None:
        """Let time pass; what is due happens in its order. ValueError for a time that has gone by."""
        if self._advancing:  # a scripted action touches the world
            return
        if now_s < self.now_s:
            raise ValueError(f"the world is at {self.now_s} s and cannot go back to {now_s} s")
        self._advancing = True
        try:
            self._run_to(now_s)
        finally:
            self._advancing = False

    def next_s(self) -> float | None:
        """When something will happen by itself; None: never."""
        return self._agenda.next_s()

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Script something: ``world.at(3600, lambda: world.radar(key))``."""
        self._agenda.add(max(when_s, self.now_s), lambda _: action())

    def attach(self, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        """Whoever runs the world gives it a clock, and is woken when `next_s` has become earlier."""
        self._clock = clock
        self._agenda.earlier = wake

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Be told of signals; returns what ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _run_to(self, now_s: float) -> None:
        self._ether.flush(self.now_s)
        while (due := self._next_step_s()) <= now_s:
            self.now_s = due
            if due == self._slot_end_s:
                self._next_slot()
            else:
                self._agenda.pop()(due)
            self._ether.flush(due)
        self.now_s = now_s

    def _next_step_s(self) -> float:
        due = self._agenda.next_s()
        return self._slot_end_s if due is None else min(due, self._slot_end_s)

    def _next_slot(self) -> None:
        self._slot_end_s += SLOT_S
        self.day.step(self.now_s)
        for radio in self._ether.radios.values():
            radio.noise.step()
        self._ether.all_dirty()

    def catch_up(self) -> None:
        """To the time of the clock that was given, if one was."""
        if self._clock is not None:
            self.advance(max(self.now_s, self._clock()))

    def _emit(self, key: RadioKey, signal: Signal) -> None:
        for watcher in tuple(self._watchers):
            watcher(key, signal)
