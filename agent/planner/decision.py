"""What the planner answers: a move, a deed, or no change; each with its reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from agent.change import Cause
from agent.planner.channel import Candidate
from agent.planner.legal import Veto
from drivers.types import ActionRequest, Values
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


NOT_NOW: Final = frozenset({"radio_busy", "device_not_readable", "lease_lost"})
"""Reasons of a `NoChange` without a veto that pass: worth trying again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChange:
    """Nothing is to be done, because of ``reason``; ``vetoes`` when a guard said no to ``target``."""

    radio: RadioKey | None
    reason: str
    target: Values | None = None
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))
    candidates: tuple[Candidate, ...] = ()
    vetoes: tuple[Veto, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Undo this change of the radio, open or committed, by its token."""

    radio: RadioKey
    change_id: str
    reason: str
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something without an undo, named as such: an alert, or an action of the device (``request``).

    ``radio`` None: it concerns the site. ``request`` None: tell a person ``text``, once per event.
    """

    radio: RadioKey | None
    reason: str
    text: str = ""
    request: ActionRequest | None = None
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


Decision = Move | NoChange
"""About one radio's settings."""

Answer = Move | NoChange | TakeBack | Deed
"""What may be done about an event."""
