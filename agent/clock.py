"""Reading the clocks, at the edge. Decisions are given a `Moment` instead."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from agent.moment import Moment


class Clock(Protocol):
    def now(self) -> Moment: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clocks; the boot id is the kernel's."""

    def __init__(self) -> None:
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def now(self) -> Moment:
        return Moment(
            monotonic_s=time.monotonic(),
            utc_us=time.time_ns() // 1000,
            boot_id=self._boot_id,
            boottime_us=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000,
        )

    def monotonic(self) -> float:
        return time.monotonic()
