"""What really happens to a site, and whether the next plans relieve whom it concerns.

Each story changes one thing that certainly asks for a move. The plans after the first, second and third noisy
scan are held against one that is made with noise-free knowledge of the world as it is now: the expected MHz
of the radios concerned, by the world's true values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agent.memory import Memory
from agent.planner.overlap import hit
from agent.planner.pooling import pooled
from agent.planner.site.build import graph
from agent.planner.site.plan import Plan
from agent.planner.site.planning import planned
from agent.planner.site.problem import Choice, Problem, contention
from agent.view import SiteView
from benchmarks.noisy_scans import TABLES
from benchmarks.noisy_site import WARM_UP_ROUNDS, WISHES, Site, built, never
from benchmarks.plan_peers import started
from drivers.simulated.identity import CAPABILITIES
from drivers.simulated.reading import read_radio
from drivers.types import Setting, Snapshot
from inventory.channels import Block, blocks
from inventory.model import Band, RadioKey

LONG_ROUNDS: Final = 12
LOOKS: Final = 3
RELIEVED: Final = 0.9
"""Part of what noise-free knowledge would bring the radios concerned."""

NEW: Final = "0c:00:00:00:00:01"
LOUD_DBM: Final = -50.0
LOUD_LOAD: Final = 0.9
WIDE_DBM: Final = -65.0
WIDE_LOAD: Final = 0.8

Concerned = tuple[RadioKey, ...]
Story = Callable[[Site, Problem], Iterator[Concerned]]
"""Sets the stage and says whom it will concern; asked once more, the change happens. The problem is that of
one band before it, by the world's true values: of a site that has settled."""


class Truth:
    """The same site as a memory sees it that hears everything as it is, from now on."""

    def __init__(self, site: Site) -> None:
        self._site, self._memory = site, Memory({site.campus.site.id: site.campus.site})
        for known in self._memory.radios.values():
            known.capabilities = CAPABILITIES
        self.see()

    def see(self) -> None:
        world = self._site.campus.world
        readings = {key: read_radio(world, key, TABLES, world.now_s) for key in world.radio_keys()}
        self._memory.see(Snapshot(at_s=world.now_s, readings=readings))

    def view(self) -> SiteView:
        return pooled(self._memory.view(self._site.campus.site, self._site.now))


# -- what happens ------------------------------------------------------------------------------------------


def _stranger(site: Site, problem: Problem) -> Iterator[Concerned]:
    """Somebody moves in beside the radio that has the best other place to go to, on its channel, heard at
    -50 dBm and with 0.9 of the air."""
    mhz = _single(problem)

    def escape(index: int) -> float:
        here = problem.members[index].options[started(problem)[index]].block
        away = (each for at, each in enumerate(mhz[index]) if not _meet(problem, index, at, here))
        return max(away, default=0.0) / mhz[index][started(problem)[index]]

    index = max(range(len(problem.members)), key=escape)
    key = problem.members[index].key
    yield (key,)
    _moves_in(site, key, site.campus.world.block_of(key), LOUD_DBM, LOUD_LOAD)
    yield (key,)


def _wide(site: Site, problem: Problem) -> Iterator[Concerned]:
    """A network of 80 MHz comes up where most radios have their block in its own and hear it at -65 dBm."""
    found = max(
        (
            (len(near), key, wide, near)
            for key in (member.key for member in problem.members)
            for wide in blocks(Band.GHZ_5, 80)
            if len(near := _under(site, problem, key, wide)) >= 1
        ),
        key=lambda each: each[:2],
    )
    _, key, wide, near = found
    yield near
    _moves_in(site, key, wide, LOUD_DBM, WIDE_LOAD)
    yield near


def _added(site: Site, problem: Problem) -> Iterator[Concerned]:
    """An AP goes on air where the factory set it: on the channel of the one that it hears best."""
    world = site.campus.world
    key = problem.members[len(problem.members) // 2].key
    _, other = min(world.ether.hearing.of[key], key=lambda each: each[0])
    world.set_externally(key, {Setting.ENABLED: 0})
    yield (key, other.key)
    at = other.block
    values = {Setting.CHANNEL: at.primary, Setting.WIDTH_MHZ: at.width_mhz, Setting.CENTER_MHZ: at.center_mhz}
    world.set_externally(key, {Setting.ENABLED: 1, **values})
    yield (key, other.key)


def _removed(site: Site, problem: Problem) -> Iterator[Concerned]:
    """An AP goes for good, and a neighbour that shares its channel with others can have that one's: of all
    such pairs the one in which the neighbour gains most."""
    start, best = started(problem), (0.0, 0, 0)
    contended = contention(problem, start)
    for gone, nearby in _neighbours(problem).items():
        left = problem.members[gone].options[start[gone]].block
        for index in nearby:
            member = problem.members[index]
            now = _mhz(problem, start, contended, index)
            for at, option in enumerate(member.options):
                if at != start[index] and option.block.mhz20 <= left.mhz20:
                    then = _alone_there(problem, index, at, without=gone)
                    best = max(best, (then / now, gone, index))
    _, gone, index = best
    concerned = (problem.members[index].key,)
    yield concerned
    site.campus.world.set_externally(problem.members[gone].key, {Setting.ENABLED: 0})
    yield concerned


STORIES: Final[dict[str, Story]] = {
    "a stranger moves in": _stranger,
    "a network of 80 MHz comes up": _wide,
    "an AP is added": _added,
    "an AP is removed": _removed,
}


STAGED: Final = frozenset({"an AP is added"})
"""Before these the site gets used to the stage."""

CROWDED: Final = frozenset({"an AP is removed"})
"""These are told of 2.4 GHz: in 5 GHz nobody waits for a channel."""


def _moves_in(site: Site, key: RadioKey, where: Block, dbm: float, load: float) -> None:
    """A stranger beside this radio, who is heard there so loud."""
    world = site.campus.world
    x, y, z = world.radio(key).position
    place = (x + 4.0, y + 2.0, z - 1.0)
    loss_db = world.ether.hearing.loss_db(place, (x, y, z), where.band)
    world.add_foreign(NEW, where, place, tx_power_dbm=dbm + loss_db, busy_ratio=load)


def _under(site: Site, problem: Problem, key: RadioKey, wide: Block) -> Concerned:
    """Radios whose block lies in this one and that would hear who is beside this radio loud enough; itself
    among them, or nobody."""
    world = site.campus.world
    x, y, z = world.radio(key).position
    place, hearing = (x + 4.0, y + 2.0, z - 1.0), world.ether.hearing
    sends_dbm = LOUD_DBM + hearing.loss_db(place, (x, y, z), wide.band)
    found = tuple(
        member.key
        for member in problem.members
        if world.block_of(member.key).mhz20 <= wide.mhz20
        and sends_dbm - hearing.loss_db(place, world.radio(member.key).position, wide.band) >= WIDE_DBM
    )
    return found if key in found else ()


# -- what it is worth --------------------------------------------------------------------------------------


def _meet(problem: Problem, index: int, at: int, block: Block) -> bool:
    return bool(problem.members[index].options[at].block.mhz20 & block.mhz20)


def _mhz(problem: Problem, choice: Choice, contended: list[float], index: int) -> float:
    option = problem.members[index].options[choice[index]]
    return option.mhz(contended[index])


def _neighbours(problem: Problem) -> dict[int, dict[int, tuple[float, float]]]:
    """For each member those in earshot, with what they cost it on a primary and on secondary channels."""
    found: dict[int, dict[int, tuple[float, float]]] = {nth: {} for nth in range(len(problem.members))}
    for pair in problem.pairs:
        found[pair.a][pair.b] = (pair.primary_ab, pair.secondary_ab)
        found[pair.b][pair.a] = (pair.primary_ba, pair.secondary_ba)
    return found


def _alone_there(problem: Problem, index: int, at: int, without: int | None = None) -> float:
    """MHz of one member on one of its options, all others where they are but for one that is gone."""
    start, option, own = started(problem), problem.members[index].options[at], 0.0
    for other, (primary, secondary) in _neighbours(problem)[index].items():
        if other != without:
            met = hit(option.block, problem.members[other].options[start[other]].block)
            own += met.cost(primary, secondary)
    return option.mhz(own)


def _single(problem: Problem) -> list[list[float]]:
    """MHz of each member on each of its options, all others where they are."""
    return [
        [_alone_there(problem, index, at) for at in range(len(member.options))]
        for index, member in enumerate(problem.members)
    ]


def _worth(view: SiteView, plan: Plan | None, concerned: Concerned) -> float:
    """Expected MHz of these radios by what is known in this view, their geometric mean. None: all stay."""
    goals = {move.radio: move.after for move in plan.moves} if plan else {}
    nats = []
    for problem in graph(view).problems:
        choice = list(started(problem))
        for index, member in enumerate(problem.members):
            if (goal := goals.get(member.key)) is not None:
                choice[index] = [option.block for option in member.options].index(goal)
        contended = contention(problem, tuple(choice))
        nats += [
            math.log(_mhz(problem, tuple(choice), contended, index))
            for index, member in enumerate(problem.members)
            if member.key in concerned
        ]
    return math.exp(math.fsum(nats) / len(nats))


# -- told --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """``concerned``: radios. ``mhz``: what they can expect by the plan with noise-free knowledge. Parts of
    that: ``stays``, if nobody moves; ``shares``, by the plans after the first, second, ... noisy scan, which
    have so many ``moves``."""

    story: str
    concerned: Concerned
    mhz: float
    stays: float
    shares: tuple[float, ...]
    moves: tuple[int, ...]

    @property
    def scans(self) -> int | None:
        """After how many all plans relieve them; None: not after `LOOKS`."""
        late = max((nth for nth, each in enumerate(self.shares, 1) if each < RELIEVED), default=0)
        return late + 1 if late < len(self.shares) else None


def reaction(aps: int, seed: int, story: str, long: int = LONG_ROUNDS) -> Reaction:
    """Nothing is carried out after the change, so that all plans start from the same state. ``long``: so many
    scans before it."""
    site = built(aps, seed)
    for _ in range(WARM_UP_ROUNDS):
        site.scan()
    site.settle()
    for _ in range(long):
        site.scan()
    site.settle()
    happens = STORIES[story](site, _known(site, Band.GHZ_2_4 if story in CROWDED else Band.GHZ_5))
    concerned = next(happens)
    if story in STAGED:
        for _ in range(long):
            site.scan()
        site.settle()
    next(happens)
    truth, plans = Truth(site), list[Plan]()
    for _ in range(LOOKS):
        site.scan()
        truth.see()
        plans.append(site.plan())
    view = truth.view()
    best = _worth(view, planned(view, WISHES, never), concerned)
    return Reaction(
        story=story,
        concerned=concerned,
        mhz=round(best, 1),
        stays=round(_worth(view, None, concerned) / best, 3),
        shares=tuple(round(_worth(view, plan, concerned) / best, 3) for plan in plans),
        moves=tuple(len(plan.moves) for plan in plans),
    )


def _known(site: Site, band: Band) -> Problem:
    """One band by the world's true values, as it is after one more scan."""
    truth = Truth(site)
    for _ in range(WARM_UP_ROUNDS):
        site.scan()
        truth.see()
    return next(each for each in graph(truth.view()).problems if each.band is band)
