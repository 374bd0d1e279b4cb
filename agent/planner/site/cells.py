"""The cell of each radio: whom it serves, who hears it, and what follows for its power. Pure.

Clients tell nothing of how well they hear us. The path is the same both ways, so that a client which sends
with `CLIENT_DBM` hears us by the difference of the two powers louder than we hear it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.planner import legal
from agent.planner.overlap import hit
from agent.planner.site.heard import Level, levels_between
from agent.planner.site.problem import Choice, Problem
from agent.planner.surroundings import CCA_DBM
from agent.view import RadioView, SiteView
from drivers.types import Setting
from inventory import regulatory
from inventory.channels import Block
from inventory.model import Band, PlanPolicy, RadioKey, ap_of

CLIENT_DBM: Final = 15.0
"""Conducted power assumed of a client: phones and laptops send with 12 to 18 dBm. Where they send with less,
they hear us better than we think, and we err on the side of more power."""

BEYOND_DBM: Final = CCA_DBM
"""A client that we hardly hear is not helped by more power of ours: it could not answer."""

BALANCED_DBM: Final = 21
"""Never raised beyond that for coverage: an AP hears some 6 dB better than its clients do (antennas, noise
figure). One that is louder still is heard by clients that it does not hear."""

FEW_CLIENTS: Final = 5
"""Fewer clients tell nothing of where power is missing."""

LONERS: Final = 2
"""So many of the weakest clients never count for more power: one far client must not drag a cell along."""

WEAKEST: Final = 0.1
"""This share of the clients may be served at less than the level that is wanted."""

HALFWAY_DB: Final = 9.0
"""Halfway to a neighbour we are louder than at the neighbour: 10 n lg 2 with a path exponent of 3."""

JOINED: Final = 2
"""So many own neighbours must go on hearing a radio: clients that walk find it, and when one of the two dies
the other can still cover for it."""

LEAST_DBM: Final = 5
"""Nothing quieter than that unless the site file says so: an AP far below its clients is heard by nobody that
it hears."""


class Listener(NamedTuple):
    """An own radio of another AP, of the band, and how loud it hears the one in question."""

    dbm: float
    key: RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One radio on the block that is planned for it. All powers are dBm conducted.

    ``power_dbm``: what it will have there if nobody plans it; ``heard_dbm``: what it has now, at which all
    that is known was heard. ``choices``: what it may be set to there, ascending, by law, site file and
    device. ``need_dbm``: what its clients need at least, None: too few are known, or none is short of
    anything that this radio could give. ``least_dbm``: below it clients or the bond with its neighbours would
    suffer. ``most_dbm``: above it neighbours on its channel hear it louder than `overlap_dbm`, None: there is
    none. ``listeners``: loudest first.
    """

    index: int
    at: RadioView
    block: Block
    power_dbm: int
    heard_dbm: int
    choices: tuple[int, ...]
    need_dbm: int | None
    least_dbm: int
    most_dbm: int | None
    listeners: tuple[Listener, ...]

    @property
    def key(self) -> RadioKey:
        return self.at.key

    @property
    def missing_db(self) -> int:
        """So much more its clients need; 0 where they need nothing."""
        return 0 if self.need_dbm is None else max(0, self.need_dbm - self.power_dbm)


Levels = Mapping[tuple[RadioKey, RadioKey], Level]
"""How loud the first hears the second, at the powers of now."""


def heard_levels(view: SiteView, band: Band) -> Levels:
    """Levels between the site's radios of a band, radios of one AP left out. A pair that is missing is not
    known."""
    radios = [at for at in view.radios.values() if at.radio.band is band]
    found = levels_between(view, radios)
    keys = [at.key for at in radios]
    aps = [ap_of(key) for key in keys]
    return {(keys[a], keys[b]): level for (a, b), level in found.items() if aps[a] != aps[b]}


def told_dbm(at: RadioView) -> int | None:
    """Conducted power as it is reported, whole dB."""
    told = at.reading.tx_power_dbm if at.reading else None
    return None if told is None else int(told.value)


def cells(view: SiteView, problem: Problem, choice: Choice, levels: Levels) -> list[Cell]:
    """Those radios of a band that are on air and tell their power, in the order of the members."""
    blocks = {
        member.key: member.options[at].block for member, at in zip(problem.members, choice, strict=True)
    }
    heard_by: dict[RadioKey, list[Listener]] = {}
    for (listener, sender), level in levels.items():
        heard_by.setdefault(sender, []).append(Listener(level.dbm, listener))
    found = []
    for index, member in enumerate(problem.members):
        at = view.radios[member.key]
        power = told_dbm(at)
        if at.on_air and power is not None:
            near = tuple(sorted(heard_by.get(at.key, ()), key=lambda each: (-each.dbm, each.key)))
            found.append(_cell(view, at, index, blocks, power, near))
    return found


def _cell(
    view: SiteView,
    at: RadioView,
    index: int,
    blocks: Mapping[RadioKey, Block],
    power: int,
    near: tuple[Listener, ...],
) -> Cell:
    plan, block = view.site.policy.plan, blocks[at.key]
    serving = [each for each in near if view.radios[each.key].on_air]
    overlapping = [each.dbm for each in serving if _on_one_channel(view, blocks, each.key, block)]
    return Cell(
        index=index,
        at=at,
        block=block,
        power_dbm=_unplanned_dbm(view, at, block, power),
        heard_dbm=power,
        choices=choices(view, at, block),
        need_dbm=_needed(at, plan, power, serving),
        least_dbm=_least(at, plan, power, serving),
        most_dbm=math.ceil(power + plan.overlap_dbm - max(overlapping)) if overlapping else None,
        listeners=near,
    )


def _unplanned_dbm(view: SiteView, at: RadioView, block: Block, now: int) -> int:
    """What it will have on this block if nobody plans it: what is written with the move."""
    if block == at.block or regulatory.refusal(view.site.country, block, at.radio) is not None:
        return now
    written = legal.moved_dbm(view, at, block)
    return now if written is None else written


def _on_one_channel(view: SiteView, blocks: Mapping[RadioKey, Block], other: RadioKey, mine: Block) -> bool:
    """Whether we are on the primary channel of another radio when all is done."""
    theirs = blocks.get(other) or view.radios[other].block
    return theirs is not None and hit(theirs, mine).primary > 0


def choices(view: SiteView, at: RadioView, block: Block) -> tuple[int, ...]:
    """Powers that it may be set to on this block, ascending; none where its device can't set any."""
    able = at.capabilities
    if able is None or able.settings.get(Setting.TX_POWER_DBM) != "radio" or at.reading is None:
        return ()
    if regulatory.refusal(view.site.country, block, at.radio) is not None:
        return ()
    limit = regulatory.max_power_dbm(view.site.country, block, at.radio)
    low, high = at.radio.power_dbm or (LEAST_DBM, limit)
    told = at.reading.power_choices_dbm
    found = range(low, limit + 1) if told is None else sorted(told)
    return tuple(dbm for dbm in found if low <= dbm <= min(high, limit))


def _signals(at: RadioView) -> list[float]:
    """How loud the clients are here, weakest first."""
    clients = (at.reading.clients if at.reading else None) or ()
    return sorted(each.signal_dbm for each in clients if each.signal_dbm is not None)


def _needed(at: RadioView, plan: PlanPolicy, power: int, serving: Sequence[Listener]) -> int | None:
    """So that its clients hear it at `coverage_dbm`, but for the weakest: those alone count that are nearer
    than every own neighbour, for others a neighbour may do better. At most `BALANCED_DBM`."""
    nearest_loss = min((power - each.dbm for each in serving), default=math.inf)
    ours = [dbm for dbm in _signals(at) if dbm >= BEYOND_DBM and CLIENT_DBM - dbm < nearest_loss]
    if len(ours) < FEW_CLIENTS:
        return None
    weakest = ours[max(LONERS, int(len(ours) * WEAKEST))]
    return min(BALANCED_DBM, math.ceil(plan.coverage_dbm + CLIENT_DBM - weakest))


def _least(at: RadioView, plan: PlanPolicy, power: int, serving: Sequence[Listener]) -> int:
    """Clients keep `coverage_dbm` and the hysteresis over it; halfway to its nearest neighbours it is heard
    at `coverage_dbm`."""
    bound = [-math.inf]
    if signals := _signals(at):
        weakest = signals[int(len(signals) * WEAKEST)]
        bound.append(plan.coverage_dbm + plan.power_hysteresis_db + CLIENT_DBM - weakest)
    if serving:
        furthest = serving[:JOINED][-1]
        bound.append(power - furthest.dbm + plan.coverage_dbm - HALFWAY_DB)
    worst = max(bound)
    return LEAST_DBM if worst == -math.inf else math.ceil(worst)
