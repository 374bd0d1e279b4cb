"""Events of radar, which have a way of their own: over when their non-occupancy period is."""

from __future__ import annotations

from agent.events import Event, EventKind
from agent.ledger import Ledger
from agent.memory import Memory
from inventory.regulatory import NOP_S


class RadarOver:
    """Which of them are over."""

    def __init__(self, memory: Memory, ledger: Ledger) -> None:
        self._memory = memory
        self._ledger = ledger
        self._known = True  # open ones may be in the store

    async def events(self, now_us: int) -> list[Event]:
        """Those that the store has open, and that began before a whole period. Raises StoreUnavailable."""
        return [each for each in await self._open() if now_us - each.raised_utc_us > NOP_S * 1e6]

    async def _open(self) -> list[Event]:
        if not self._memory.nops and not self._known:
            return []
        stored = await self._ledger.call(self._ledger.store.open_events)
        found = [event for event in stored if event.kind is EventKind.DFS_RADAR]
        self._known = bool(found)
        return found
