"""Scripted faults: what a device does wrong, and at which call. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from drivers.types import Edit, Values
from inventory.model import RadioKey


class Operation(StrEnum):
    OPEN = "open"
    READ = "read"
    READ_CONFIG = "read_config"
    APPLY = "apply"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    ACT = "act"
    PLAN = "plan"
    SIGNALS = "signals"  # each signal that is pushed is a call


class Kind(StrEnum):
    """What goes wrong. The first group fits every operation; a read has nothing that could be done."""

    TIMEOUT = "timeout"  # no answer, and nothing was done
    TIMEOUT_DONE = "timeout_done"  # it was done; the answer was lost
    HANG = "hang"  # never answers; only closing the session ends the call
    REFUSED = "refused"
    DISCONNECT = "disconnect"  # before anything was done
    DISCONNECT_DONE = "disconnect_done"
    REBOOT = "reboot"  # instead of doing anything
    GARBAGE = "garbage"  # nothing was done; read: for `radios` (none: all); else the whole answer
    BUG = "bug"  # the driver raises what its contract does not know, and nothing was done
    # open
    OTHER_IDENTITY = "other_identity"  # another device answers
    # apply, confirm, cancel, act
    NOT_DONE = "not_done"  # success is reported, nothing happened
    GARBAGE_DONE = "garbage_done"  # it was done; the answer makes no sense
    DONE_LATE = "done_late"  # no answer in time; done `after_s` after the call, if the session lives
    DONE_LATE_ALL_THE_SAME = "done_late_all_the_same"  # likewise, though the session was closed (a datagram)
    # apply
    DONE_WRONG = "done_wrong"  # `values` are set instead
    # apply, act, read, read_config, signals
    WRONG_RADIO = "wrong_radio"  # the one of `radios` instead
    # read_config
    WRONG_READBACK = "wrong_readback"  # `values` are reported instead
    # read
    FROZEN = "frozen"  # counters, clients and survey as at the reading before
    WRAP_32 = "wrap_32"  # from now on the totals have 32 bits, and are about to wrap
    COUNTER_RESET = "counter_reset"
    PARTIAL = "partial"  # nothing of `radios` (none: every second one)


LATE = frozenset({Kind.DONE_LATE, Kind.DONE_LATE_ALL_THE_SAME})


@dataclass(frozen=True, slots=True)
class Fault:
    """``after_s``, ``values`` and ``radios`` are what some kinds need: see `Kind`."""

    kind: Kind
    after_s: float = 0.0
    values: Values = field(default_factory=lambda: MappingProxyType({}))
    radios: frozenset[RadioKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a device; ``nth`` counts from 1, per device and operation."""

    device: str
    operation: Operation
    nth: int
    at_s: float
    edit: Edit | None = None


When = int | range | Callable[[Call], bool] | None
"""The nth call, calls in a range, whatever the predicate says; None: every call."""


@dataclass(frozen=True, slots=True)
class Scripted:
    """One line of a plan. ``device`` None: any."""

    operation: Operation
    when: When
    fault: Fault
    device: str | None = None

    def hits(self, call: Call) -> bool:
        if self.operation is not call.operation or self.device not in (None, call.device):
            return False
        if self.when is None:
            return True
        if callable(self.when):
            return self.when(call)
        return call.nth == self.when if isinstance(self.when, int) else call.nth in self.when


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The first line that hits a call counts."""

    lines: tuple[Scripted, ...] = ()

    def of(self, call: Call) -> Fault | None:
        return next((line.fault for line in self.lines if line.hits(call)), None)


NO_FAULTS = FaultPlan()


class Faults:
    """A plan being carried out: it counts the calls. More lines may be added on the way."""

    def __init__(self, plan: FaultPlan = NO_FAULTS) -> None:
        self._plan = plan
        self._calls: Counter[tuple[str, Operation]] = Counter()

    def add(self, *lines: Scripted) -> None:
        """These come before all others."""
        self._plan = FaultPlan((*lines, *self._plan.lines))

    def calls(self, device: str, operation: Operation) -> int:
        """How often it has been called so far."""
        return self._calls[device, operation]

    def next(self, device: str, operation: Operation, at_s: float, edit: Edit | None = None) -> Fault | None:
        """Count this call; what goes wrong with it, None: nothing."""
        self._calls[device, operation] += 1
        nth = self._calls[device, operation]
        return self._plan.of(Call(device=device, operation=operation, nth=nth, at_s=at_s, edit=edit))
