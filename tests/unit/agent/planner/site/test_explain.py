"""The terms of an explanation add up to the site's own value, whatever radio and block are asked about."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from unit.agent.planner.site.test_plan_json import PLAN

from agent.planner.site.explain import Explained, explained
from agent.planner.site.plan import Outlook
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem, value
from inventory.channels import Block, block
from inventory.model import Band, RadioKey

BLOCKS = (block(Band.GHZ_5, 36, 20), block(Band.GHZ_5, 36, 40), block(Band.GHZ_5, 52, 20))
KEYS = tuple(RadioKey(f"lab/ap{n}/r5") for n in (1, 2, 3))


def option(at: Block) -> Option:
    usable, non_wifi = at.width_mhz * 0.9, 0.1
    return Option(
        block=at,
        worth=math.log(usable * (1.0 - non_wifi)),
        foreign=0.2 if at.primary == 36 else 0.05,
        move_cost=0.01 if at.primary == 52 else 0.0,
        terms={
            "usable_khz": round(usable * 1e3),
            "rate_ppm": 1_000_000,
            "non_wifi_ppm": 100_000,
            "radar_ppm": 0,
            "foreign_ppm": 0,
        },
    )


PROBLEM = Problem(
    band=Band.GHZ_5,
    members=tuple(
        Member(key=key, options=tuple(map(option, BLOCKS)), now=now, weight=weight)
        for key, now, weight in zip(KEYS, (0, 0, None), (0.5, 1.0, 1.5), strict=True)
    ),
    pairs=(Pair(0, 1, 0.3, 0.2, 0.1, 0.15), Pair(1, 2, 0.25, 0.3, 0.1, 0.1)),
)
PLANNED: Choice = (0, 2, 1)


def of(index: int) -> Explained:
    outlook = tuple(
        Outlook(radio=key, before=None, after=BLOCKS[at], mhz_before=0.0, mhz_after=0.0)
        for key, at in zip(KEYS, PLANNED, strict=True)
    )
    (found,) = explained((PROBLEM,), replace(PLAN, outlook=outlook), f"lab/ap{index + 1}")
    return found


@pytest.mark.parametrize("index", [0, 1, 2])
def test_what_a_block_brings_the_site_is_the_difference_of_the_sites_values(index: int) -> None:
    found = of(index)
    stays = PROBLEM.members[index].now
    base = list(PLANNED)
    base[index] = PLANNED[index] if stays is None else stays
    for each in found.candidates:
        there = list(base)
        there[index] = BLOCKS.index(each.option.block)
        cost = 0.0 if stays in (None, there[index]) else each.option.move_cost
        won = value(PROBLEM, tuple(there)) - value(PROBLEM, tuple(base))
        assert each.site == pytest.approx(won - cost)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_terms_add_up(index: int) -> None:
    found = of(index)
    stays = found.now or found.planned
    base = next(each for each in found.candidates if each.option.block == stays)
    for each in found.candidates:
        terms = each.option.terms
        air = (1 - terms["non_wifi_ppm"] / 1e6) / (1 + each.option.foreign + each.own)
        assert each.mhz == pytest.approx(terms["usable_khz"] / 1e3 * air)
        gain = found.weight * math.log(each.mhz / base.mhz)
        assert each.site == pytest.approx(gain + each.others - each.move_cost)


def test_the_best_for_the_site_comes_first() -> None:
    sums = [each.site for each in of(0).candidates]
    assert sums == sorted(sums, reverse=True)
    assert of(2).now is None
    assert of(1).planned == BLOCKS[2]
