"""What a site plan says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from drivers.types import Values
from inventory.channels import Block
from inventory.model import RadioKey

MOVES_MOST: Final = 100_000
SEED_MOST: Final = 2**31 - 1  # the exact solver's


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of the planner. ``zone``: only radios of these APs may move, None = all. ``most_moves``:
    None = as many as pay. ``least_gain``: relative gain that each move must bring the radios concerned, all
    together (0.1 = one of them gets a tenth more, or ten of them a hundredth). ``limit_s``: of the search,
    seconds. ``power``, ``obss_pd``: whether these are planned too. ``exact``: prove how good it is, where
    that is possible. ``seed``: the same seed and the same knowledge give the same plan, if time does not
    run out."""

    zone: str | None = None
    most_moves: int | None = None
    least_gain: float = 0.1
    limit_s: float = 10.0
    power: bool = True
    obss_pd: bool = True
    exact: bool = True
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMove:
    """One radio's change. ``step``: from 0; those of one step hear nobody of their step. ``target``: the
    settings to write. ``before`` and ``after`` are the same where power or OBSS-PD alone is changed.
    ``mhz_before``, ``mhz_after``: what the radio expects now and when all is done. ``gain``: what the site
    would lose without this move, nats. ``reasons``: codes, the weightiest first, with ``params``."""

    radio: RadioKey
    step: int
    target: Values
    before: Block | None
    after: Block
    mhz_before: float
    mhz_after: float
    gain: float
    cac_s: float = 0.0
    reasons: tuple[str, ...] = ()
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What one radio has and will have, moved or not, in expected MHz. ``before`` None: off air, or not
    known."""

    radio: RadioKey
    before: Block | None
    after: Block | None
    mhz_before: float
    mhz_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A radio that the plan leaves alone although somebody might expect otherwise, and why."""

    radio: RadioKey
    reason: str
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How good the channels of a plan are, by themselves: of all its ``radios``, those too that have no place
    now, at the powers of now. ``value``, ``bound``: what they are worth less what their moves cost and must
    bring, and what no channels exceed in that with so many moves; nats."""

    radios: int
    value: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``value_now``, ``value_then``: nats, over the ``radios`` that have a place now; ``unplaced``: how many
    more get one. ``proof``: None = nothing is proven. ``bound``: of ``value_then``, for plans whose moves
    cost no more; None = not proven, or the proof is not of ``value_then``: powers change too, or some have
    no place now. ``confidence``: 0..1, how much of what it rests on was measured lately; ``doubts``: codes
    of what takes from it, with how many radios it is so. ``gain_ratio``: of the geometric mean of expected
    MHz. ``timed_out``: the limit of time ended the search; with more of it there may be a better plan."""

    site: str
    made_utc_us: int
    radios: int
    value_now: float
    value_then: float
    bound: float | None
    confidence: float
    moves: tuple[PlannedMove, ...]
    outlook: tuple[Outlook, ...]
    left: tuple[Left, ...]
    gain_ratio: float
    seconds: float
    wishes: Wishes
    timed_out: bool = False
    unplaced: int = 0
    proof: Proof | None = None
    doubts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
