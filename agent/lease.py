"""The lease of a site as its holder knows it, and as one who waits for it has watched it. Pure.

Only the boot clock counts: it goes on while a machine is suspended, and nobody can set it. The wall clock of
another machine is never believed.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.moment import Deadline, Moment

LEASE_S = 90.0
"""How long a lease is held without being renewed. It is renewed three times as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to a site. ``epoch`` rises with each new holder; ``until``: on this machine's clock,
    from before the store was asked."""

    holder: str
    epoch: int
    until: Deadline

    def held(self, now: Moment, for_s: float) -> bool:
        """Whether it surely lasts so many seconds more: what is begun now must have landed by its end."""
        return self.until.left_s(now) > for_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Another agent's lease as it was read at ``since``: each renewal alters ``mark`` (epoch, UTC)."""

    mark: tuple[int, int]
    since: Moment

    def run_out(self, now: Moment) -> bool:
        """Whether it was not renewed for its whole time, on this machine's clock."""
        if now.boot_id != self.since.boot_id:
            return False
        return now.boottime_us - self.since.boottime_us > LEASE_S * 1e6
