"""When a change can be looked at: from the ack to the last slot that is waited for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agent.slots import Slot
from inventory.model import MonitorPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When the monitoring began, what time it is, and how long a slot of this radio is."""

    ack_s: float
    now_s: float
    slot_s: float
    policy: MonitorPolicy

    @property
    def start_s(self) -> float:
        """30 s after the ack."""
        return self.ack_s + self.policy.settle_s

    def passed(self, slots: int) -> bool:
        """True when a radio that is always on air must have had so many slots; one more for its phase."""
        return self.now_s >= self.start_s + (slots + 1) * self.slot_s

    def exhausted(self, slots: Sequence[Slot]) -> bool:
        """True when there are 15 slots, valid or not, or there must have been: nothing more is waited for."""
        return len(slots) >= self.policy.max_slots or self.passed(self.policy.max_slots)

    def of(self, refresh_s: float) -> Timetable:
        """The same times for a radio with another refresh interval."""
        return replace(self, slot_s=max(self.policy.slot_s, refresh_s))

    def ripe(self, slots: Iterable[Slot]) -> list[Slot]:
        """Slots that lie wholly between start and now."""
        return [slot for slot in slots if slot.start_s >= self.start_s and slot.end_s <= self.now_s]

    @property
    def census_s(self) -> float:
        return self.ack_s + self.policy.lost_client_after_s

    def next_look(self, slots: Sequence[Slot]) -> float:
        """When the next slot can end, or the look at the clients is due, whichever is first."""
        slot_ends = max(slots[-1].end_s if slots else self.start_s, self.now_s - self.slot_s) + self.slot_s
        return min(slot_ends, self.census_s) if self.now_s < self.census_s else slot_ends
