"""What the planner answers: a move, or no change; both with their reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.change import Cause
from agent.planner.channel import Candidate
from agent.planner.legal import Veto
from drivers.types import Values
from inventory.model import RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Set these values on this radio, because of ``reason``. ``candidates``: best first, the one taken
    among them; empty when a person named the target."""

    radio: RadioKey
    target: Values
    cause: Cause
    reason: str
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChange:
    """Nothing is to be done, because of ``reason``; ``vetoes`` when a guard said no to ``target``."""

    radio: RadioKey | None
    reason: str
    target: Values | None = None
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))
    candidates: tuple[Candidate, ...] = ()
    vetoes: tuple[Veto, ...] = ()


Decision = Move | NoChange
