"""What makes a simulated world go on by itself: a timer of the event loop for the next thing to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.simulated.world import World


class Pump:
    """Runs one world on the running loop, as long as at least one session is open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions = 0
        self._clock: Callable[[], float] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, clock: Callable[[], float]) -> None:
        """One more session. All sessions of a world have the same clock."""
        self._sessions += 1
        self._clock = clock
        self._world.attach(clock, self._arm)
        self._world.advance(max(clock(), self._world.now_s))
        self._arm()

    def stop(self) -> None:
        """One session less; without any the world stands still until somebody looks again."""
        self._sessions -= 1
        if self._sessions == 0:
            self._disarm()

    def _arm(self) -> None:
        self._disarm()
        due = self._world.next_s()
        if due is None or self._clock is None or self._sessions == 0:
            return
        wait_s = max(0.0, due - self._clock())
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        if self._clock is not None:
            self._world.advance(max(self._clock(), self._world.now_s))
        self._arm()
