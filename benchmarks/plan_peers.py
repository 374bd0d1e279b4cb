"""What else chooses channels, on the same site: chance, least used, hostapd's formula.

Each gets the same start and, where moves are counted, the same number of them. All but chance are what APs do
by themselves, one after the other, each seeing where the others are by then; they keep the width that they
have. Those who are worst off by their own measure go first, so that a few moves are their best ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Final

from agent.planner.site.problem import Choice, Problem
from agent.planner.spectrum import mask, mask_of
from agent.planner.surroundings import deferral
from benchmarks.plan_sites import Ear, Made
from inventory.channels import Block
from inventory.model import Band

ROUNDS: Final = 3
"""So often each AP may choose again; most have settled after two."""

Measure = Callable[[Ear, Sequence[Block]], Callable[[Block], float]]
"""What a radio holds against a block, by what it hears while the others sit on these; the least is chosen."""


def started(problem: Problem) -> Choice:
    """Where the radios are. ValueError: one of them has no place."""
    start = tuple(member.now for member in problem.members if member.now is not None)
    if len(start) < len(problem.members):
        raise ValueError(f"somebody has no place in {problem.band} GHz")
    return start


def at_random(made: Made, most_moves: int | None, seed: int) -> Choice:
    """Radios in random order, each onto any of its options."""
    random = Random(seed)
    choice = list(started(made.problem))
    movable = [each for each, member in enumerate(made.problem.members) if len(member.options) > 1]
    random.shuffle(movable)
    for each in movable[:most_moves]:
        choice[each] = random.randrange(len(made.problem.members[each].options))
    return tuple(choice)


def least_used(made: Made, most_moves: int | None, _seed: int) -> Choice:
    """The block that the fewest of the BSSs that the AP hears reach into."""
    return _in_turn(made, _bsss, most_moves)


def acs(made: Made, most_moves: int | None, _seed: int) -> Choice:
    """The block with the least interference by hostapd's survey formula."""
    return _in_turn(made, interference, most_moves)


def _in_turn(made: Made, measure: Measure, most_moves: int | None) -> Choice:
    members, choice = made.problem.members, list(started(made.problem))
    sits = [member.options[at].block for member, at in zip(members, choice, strict=True)]
    worst_first = sorted(range(len(choice)), key=lambda each: -measure(made.ears[each], sits)(sits[each]))
    left = len(choice) if most_moves is None else most_moves
    for _ in range(ROUNDS):
        before = tuple(choice)
        for each in worst_first:
            away = choice[each] != members[each].now
            if not away and not left:
                continue
            choice[each] = _chosen(made, measure, sits, choice, each)
            sits[each] = members[each].options[choice[each]].block
            left += away - (choice[each] != members[each].now)
        if tuple(choice) == before:
            break
    return tuple(choice)


def _chosen(made: Made, measure: Measure, sits: Sequence[Block], choice: Sequence[int], each: int) -> int:
    """The lowest primary of a block as wide as the present one; the present one if none is better."""
    options, at = made.problem.members[each].options, choice[each]
    by_centre: dict[int, int] = {}
    for index, option in enumerate(options):
        if option.block.width_mhz == sits[each].width_mhz:
            by_centre.setdefault(option.block.center_mhz, index)
    by_centre[sits[each].center_mhz] = at
    cost = measure(made.ears[each], sits)
    costs = {index: cost(options[index].block) for index in by_centre.values()}
    best = min(costs, key=costs.__getitem__)
    return best if costs[best] < costs[at] else at


# -- least used --------------------------------------------------------------------------------------------


def _bsss(ear: Ear, sits: Sequence[Block]) -> Callable[[Block], float]:
    heard = [mask_of(sits[each.member]) for each in ear.own]
    heard += [mask_of(each.block) for each in ear.strangers]
    return lambda block: sum(bool(each & mask_of(block)) for each in heard)


# -- hostapd's ACS -----------------------------------------------------------------------------------------

ASIDE: Final[Mapping[int, float]] = MappingProxyType({-10: 0.55, -5: 0.85, 5: 0.85, 10: 0.55})
"""What a channel so many MHz aside counts in 2.4 GHz."""

USUAL_2_4: Final = 0.8


def interference(ear: Ear, sits: Sequence[Block]) -> Callable[[Block], float]:
    """hostapd's total interference of a block (the comment at the head of its ``src/ap/acs.c``): the mean of
    its channels' factors; in 2.4 GHz the next channels count 0.85 and the next but one 0.55, and 1, 6 and 11
    are preferred by a fifth."""
    quietest = min(ear.noise_dbm.values())
    heard = _heard(ear, sits)

    @cache
    def of(mhz: int) -> float:
        return factor(_busy(ear, heard, mhz), ear.noise_dbm[mhz], quietest)

    def total(block: Block) -> float:
        parts = [(1.0, of(mhz)) for mhz in sorted(block.mhz20)]
        if block.band is Band.GHZ_2_4:
            near = ((mhz + by, weight) for mhz in block.mhz20 for by, weight in ASIDE.items())
            parts += [(weight, of(mhz)) for mhz, weight in near if mhz in ear.noise_dbm]
        mean = math.fsum(weight * each for weight, each in parts) / math.fsum(weight for weight, _ in parts)
        return mean * USUAL_2_4 if block.band is Band.GHZ_2_4 and block.primary in (1, 6, 11) else mean

    return total


def factor(busy: float, noise_dbm: float, quietest_dbm: float) -> float:
    """hostapd's interference factor of a channel. ``busy``: (busy time - tx time) / (active time - tx time);
    ``quietest_dbm``: the lowest noise of the band.

    10^(noise/5) + busy x 2^(10^(noise/10) - 10^(quietest/10)); the comment adds the two powers, the program
    subtracts them; they are some 1e-10 mW, so that the second factor is 1 either way.
    """
    above_mw = math.pow(10.0, noise_dbm / 10.0) - math.pow(10.0, quietest_dbm / 10.0)
    return math.pow(10.0, noise_dbm / 5.0) + busy * math.exp2(above_mw)


def _heard(ear: Ear, sits: Sequence[Block]) -> list[tuple[int, float]]:
    """The spectrum of each BSS that is heard, and the share of the air that is busy there because of it."""
    found = [(sits[each.member], each.signal_dbm, each.load) for each in ear.own]
    found += list(ear.strangers)
    return [(mask_of(block), deferral(dbm) * load) for block, dbm, load in found]


def _busy(ear: Ear, heard: Sequence[tuple[int, float]], mhz: int) -> float:
    """Share of the air that a survey of this channel would call busy, the AP's own frames apart."""
    at = mask(ear.band, mhz - 10, mhz + 10)
    free = 1.0 - ear.non_wifi.get(mhz, 0.0)
    for spectrum, taken in heard:
        free *= 1.0 - taken * (spectrum & at).bit_count() / at.bit_count()
    return 1.0 - free
